"""The grammar of schedules: what is read, and what is refused with which words."""

import pytest

from twelve.core.errors import UsageError
from twelve.core.formats import crontab


@pytest.mark.parametrize(
    ("field", "text", "values"),
    [
        ("minutes", "5 * * * *", {5}),
        ("minutes", "*/20 * * * *", {0, 20, 40}),
        ("minutes", "50/4 * * * *", {50, 54, 58}),  # a/n is a-max/n
        ("minutes", "1,2,10-12 * * * *", {1, 2, 10, 11, 12}),
        ("minutes", "*,5 * * * *", set(range(60))),
        ("minutes", "007 * * * *", {7}),
        ("hours", "* 9-17/4 * * *", {9, 13, 17}),
        ("days", "* * 1-3,31 * *", {1, 2, 3, 31}),
        ("months", "* * * jan,DEC *", {1, 12}),
        ("months", "* * * MAR-may *", {3, 4, 5}),
        ("weekdays", "* * * * 0", {0}),
        ("weekdays", "* * * * 7", {0}),
        ("weekdays", "* * * * 5-7", {5, 6, 0}),
        ("weekdays", "* * * * SAT-SUN", {6, 0}),
        ("weekdays", "* * * * *", set(range(7))),
        ("hours", "\t0   12 * *\t*  ", {12}),
    ],
)
def test_a_field(field, text, values):
    assert set(getattr(crontab.parse(text), field)) == values


@pytest.mark.parametrize(("word", "fields"), crontab.WORDS.items())
def test_words_stand_for_fields(word, fields):
    assert crontab.parse(word) == crontab.parse(f" {word.upper()} ") == crontab.parse(fields)


@pytest.mark.parametrize(
    ("text", "either", "repeats"),
    [
        ("0 0 1 * 1", True, False),
        ("0 0 * * 1", False, False),
        ("0 0 1 * *", False, False),
        ("0 0 */2 * 1", False, False),
        ("0 0 1 * */2", False, False),
        ("* 0 1 * 1", True, True),
        ("0 */2 1 * 1", True, True),
    ],
)
def test_what_a_star_at_the_beginning_means(text, either, repeats):
    found = crontab.parse(text)
    assert (found.either, found.repeats) == (either, repeats)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "0 fields instead of five"),
        ("* * * *", "4 fields instead of five"),
        ("0 * * * * *", "6 fields instead of five"),
        ("@reboot", "only @hourly"),
        ("@", "only @hourly"),
        ("60 * * * *", '"60" is no minute (0-59)'),
        ("* 24 * * *", '"24" is no hour (0-23)'),
        ("* * 0 * *", '"0" is no day (1-31)'),
        ("* * 32 * *", '"32" is no day (1-31)'),
        ("* * * 13 *", '"13" is no month (1-12 or JAN-DEC)'),
        ("* * * * 8", '"8" is no weekday (0-7 or SUN-SAT)'),
        ("* * * MON *", '"MON" is no month'),
        ("* * * * JANUARY", '"JANUARY" is no weekday'),
        ("* * L * *", '"L" is no day'),
        ("* * 15W * *", '"15W" is no day'),
        ("* * * * 5#2", '"5#2" is no weekday'),
        ("* * ? * *", '"?" is no day'),
        ("*/0 * * * *", 'the step of "*/0" is 0'),
        ("5-1 * * * *", '"5-1" ends before it begins'),
        ("*-5 * * * *", '"*-5" is no minute'),
        ("1-2-3 * * * *", '"1-2-3" is no minute'),
        ("1,,2 * * * *", '"" is no minute'),
        ("-1 * * * *", '"-1" is no minute'),
        ("1.5 * * * *", '"1.5" is no minute'),
        ("\u0665 * * * *", "is no minute"),  # digits of another script
        ("*/99999 * * * *", "is no minute"),
        ("0 0 30 2 *", "does not come within 9 years"),
        ("0 0 31 2,4,6,9,11 *", "does not come within 9 years"),
        ("0 0 29 2 */4", "does not come within 9 years"),  # a star: both date and weekday
    ],
)
def test_what_is_refused(text, complaint):
    with pytest.raises(UsageError) as refused:
        crontab.parse(text)
    assert complaint in refused.value.message
    assert refused.value.message.startswith(f'"{text}" is no schedule: ')


@pytest.mark.parametrize("text", ["0 0 29 2 *", "0 0 31 * *", "0 0 29 2 1", "0 0 31 12 *", "0 0 */31 * MON"])
def test_rare_dates_are_fine(text):
    crontab.parse(text)
