create table notes (
    id bigint generated always as identity primary key,
    title text not null check (length(title) between 1 and 200),
    body text not null default '',
    author text not null default '',
    words integer, -- null until the worker has counted them
    created_at timestamptz not null default now(),
    changed_at timestamptz not null default now(),
    search tsvector generated always as (
        setweight(to_tsvector('english', title), 'A') || setweight(to_tsvector('english', body), 'B')
    ) stored
);
create index notes_search on notes using gin (search);

-- Files live in the database: a process has no disk of its own.
create table files (
    id bigint generated always as identity primary key,
    note_id bigint not null references notes on delete cascade,
    name text not null,
    media_type text not null,
    size integer not null,
    content bytea not null,
    preview text, -- null until the worker has read the file; '' when there is no text in it
    words integer,
    created_at timestamptz not null default now(),
    search tsvector
);
create index files_note on files (note_id);
create index files_search on files using gin (search);
