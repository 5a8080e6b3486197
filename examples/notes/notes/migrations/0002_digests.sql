create table digests (
    day date primary key,
    notes integer not null,
    words integer not null,
    files integer not null,
    made_at timestamptz not null default now()
);
