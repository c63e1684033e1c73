from datetime import UTC, datetime, timedelta

DENIED = {"o:errorDetails": [{"detail": "Your role has no permission for this."}]}


def clock(line, skew: float = 0) -> None:
    now = datetime.now(UTC) + timedelta(seconds=skew)
    line.reply(body={"serverTime": now.strftime("%Y-%m-%dT%H:%M:%S.000Z")})


def good(line, *, items: bool = True) -> None:
    line.reply(body={"items": [{"id": "1"}] if items else []})
    for _ in range(2):
        line.reply(body={"items": [{"id": "1"}]})
    for _ in range(2):
        line.reply(body={"items": [], "count": 0})


def test_working_connection_is_good_in_every_line(netsuite, line):
    clock(line)
    good(line)
    result = netsuite.check()
    assert result.is_good
    assert len(result.lines) == 6


def test_refused_log_in_tells_where_the_reason_stands(netsuite, line):
    line.reply(401, {"o:errorDetails": [{"detail": "Invalid login attempt."}]})
    result = netsuite.check()
    assert not result.is_good
    assert "Login Audit Trail" in result.lines[0].remedy
    assert len(line.sent) == 1


def test_missing_suiteql_permission_is_named(netsuite, line):
    clock(line)
    for _ in range(5):
        line.reply(400, DENIED)
    result = netsuite.check()
    remedies = " ".join(one.remedy for one in result.lines if not one.good)
    assert "SuiteAnalytics Workbook" in remedies
    assert "REST Web Services" in remedies
    assert result.lines[0].good


def test_role_that_sees_no_items_is_told_which_permission(netsuite, line):
    clock(line)
    good(line, items=False)
    bad = [one for one in netsuite.check().lines if not one.good]
    assert len(bad) == 1
    assert '"Lists > Items"' in bad[0].remedy


def test_f73_wrong_clock_is_found_while_the_log_in_still_works(netsuite, line):
    clock(line, skew=200)
    good(line)
    first = netsuite.check().lines[0]
    assert not first.good
    assert "clock" in first.text
