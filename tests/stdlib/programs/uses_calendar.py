import calendar


def main():
    text = calendar.TextCalendar(calendar.MONDAY)
    month = text.formatmonth(2026, 2)
    days = list(text.itermonthdays2(2026, 2))
    weeks = calendar.Calendar(6).monthdayscalendar(2024, 2)
    dates = [day.isoformat() for day in calendar.Calendar().itermonthdates(2026, 3)][:8]
    facts = (
        calendar.isleap(2028),
        calendar.leapdays(2000, 2030),
        calendar.monthrange(2026, 11),
        calendar.weekday(2026, 1, 1),
    )
    page = calendar.HTMLCalendar().formatmonth(2026, 2)
    try:
        calendar.monthrange(2026, 13)
    except calendar.IllegalMonthError as error:
        return month, days, weeks, dates, facts, calendar.timegm((2026, 1, 2, 3, 4, 5)), page[:300], str(error)
