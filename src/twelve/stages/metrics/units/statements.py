"""The SQL of store.py. Many rows go in as arrays, one a column."""

from twelve.core.policy.readout.plan import Metric

EXPOSE = """
insert into unit_exposure (rollout_id, unit_hash, phase, variant, first_at, is_new)
select :rollout, unit, phase, variant, first_at, is_new and not exists (
    select 1 from unit_exposure earlier
    where earlier.rollout_id = :rollout and earlier.unit_hash = unit and earlier.phase < told.phase)
from unnest(cast(:units as uuid[]), cast(:phases as int[]), cast(:variants as text[]),
            cast(:moments as timestamptz[]), cast(:news as boolean[])) as told(unit, phase, variant, first_at, is_new)
order by unit, phase
on conflict do nothing
"""

# a line of an earlier phase came late: a long request
NOT_NEW_AFTER_ALL = """
update unit_exposure set is_new = false
where rollout_id = :rollout and unit_hash = any(cast(:units as uuid[])) and is_new and exists (
    select 1 from unit_exposure earlier where earlier.rollout_id = :rollout
    and earlier.unit_hash = unit_exposure.unit_hash and earlier.phase < unit_exposure.phase)
"""

ADD_UP = """
insert into unit_outcome (rollout_id, unit_hash, phase, metric, sum, n)
select :rollout, unit, told.phase, metric, sum, n
from unnest(cast(:units as uuid[]), cast(:phases as int[]), cast(:metrics as text[]), cast(:sums as double precision[]),
            cast(:numbers as bigint[]), cast(:moments as timestamptz[])) as told(unit, phase, metric, sum, n, at)
join unit_exposure exposed
  on exposed.rollout_id = :rollout and exposed.unit_hash = unit and exposed.phase = told.phase
where told.at <= exposed.first_at + :window
order by unit, told.phase, metric
on conflict (rollout_id, unit_hash, phase, metric)
do update set sum = unit_outcome.sum + excluded.sum, n = unit_outcome.n + excluded.n
"""

TRAFFIC = """
insert into rollout_traffic values (:rollout, :phase, :variant, :requests, :failures, :elsewhere)
on conflict (rollout_id, phase, variant) do update set
  requests = rollout_traffic.requests + excluded.requests,
  failures = rollout_traffic.failures + excluded.failures,
  elsewhere = rollout_traffic.elsewhere + excluded.elsewhere
"""

OUTCOMES = """
insert into outcome_seen (rollout_id, outcome_id, unit_hash, metric, value, at, received_at)
select :rollout, id, unit, metric, value, at, received_at
from unnest(cast(:ids as text[]), cast(:units as uuid[]), cast(:metrics as text[]), cast(:values as double precision[]),
            cast(:moments as timestamptz[]), cast(:arrivals as timestamptz[]))
  as told(id, unit, metric, value, at, received_at)
order by id
on conflict do nothing
"""

# What has settled belongs to every phase whose window it falls into. An outcome without a unit waits on.
SETTLE = """
with due as materialized (
  select outcome_id, unit_hash, metric, value, at, received_at from outcome_seen
  where rollout_id = :rollout and counted is null and received_at <= :settled
  order by outcome_id limit 20000 for update skip locked
), added as (
  insert into unit_outcome (rollout_id, unit_hash, phase, metric, sum, n)
  select :rollout, due.unit_hash, exposed.phase, due.metric, sum(due.value), count(*)
  from due join unit_exposure exposed on exposed.rollout_id = :rollout and exposed.unit_hash = due.unit_hash
  where due.at between exposed.first_at - cast(:early as interval) and exposed.first_at + cast(:window as interval)
    and due.received_at <= exposed.first_at + cast(:late as interval)
  group by due.unit_hash, exposed.phase, due.metric
  order by due.unit_hash, exposed.phase, due.metric
  on conflict (rollout_id, unit_hash, phase, metric)
  do update set sum = unit_outcome.sum + excluded.sum, n = unit_outcome.n + excluded.n
)
update outcome_seen seen set counted = known.exposed
from (
  select outcome_id, received_at, exists (
    select 1 from unit_exposure where rollout_id = :rollout and unit_hash = due.unit_hash) as exposed
  from due
) known
where seen.rollout_id = :rollout and seen.outcome_id = known.outcome_id
  and (known.exposed or known.received_at <= :hopeless)
"""

FREEZE = """
insert into rollout_frozen (rollout_id, phase, metric, variance, cap)
values (:rollout, :phase, :metric, :variance, :cap) on conflict do nothing
"""

# A table that has just been filled has no statistics yet, and PostgreSQL would join it unit by unit.
WHOLE_TABLES = "set local enable_nestloop = off"


def arms(metric: Metric) -> str:
    return f"""
select variant, count(*) as n, avg(value) as mean, coalesce(var_samp(value), 0) as variance,
       count(*) filter (where value <> 0) as nonzero, count(*) filter (where silent) as silent
from (select variant, silent, least(value, cast(:cap as double precision)) as value
      from ({_values(metric)}) raw) capped
group by variant
"""  # noqa: S608 - built of our own words only


def cap(metric: Metric) -> str:
    percentile = "percentile_cont(0.99) within group (order by value)"
    return f"""
select {percentile} as of_all, {percentile} filter (where value <> 0) as of_nonzero from ({_values(metric)}) raw
"""  # noqa: S608 - the same


def _values(metric: Metric) -> str:
    """Of each unit of a cut. Who had no request that counts for a mean has no value; who had no outcome has 0."""
    join = "join" if metric.per_request else "left join"
    value = "coalesce(had.sum, 0)"
    if metric.per_request:
        value = "had.sum / had.n"
    elif metric.once:
        value = "case when had.sum <> 0 then 1.0::double precision else 0 end"
    return f"""
  select exposed.variant, {value} as value, had.unit_hash is null as silent
  from unit_exposure exposed {join} unit_outcome had
    on had.rollout_id = exposed.rollout_id and had.unit_hash = exposed.unit_hash
    and had.phase = exposed.phase and had.metric = :metric
  where exposed.rollout_id = :rollout and exposed.phase = :phase and exposed.first_at <= :closed
    and (exposed.is_new or :returning)
"""  # noqa: S608 - the same
