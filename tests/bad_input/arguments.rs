//! Arguments that are missing or contradict.

use expect_test::expect;

use super::{BACKFILL, check, project};

#[test]
fn arguments_that_are_missing_or_contradict() {
    check(
        &project(),
        "backfill --service churn_v1 --out out.csv",
        expect![[r#"
        error: the following required arguments were not provided:
          --spine <FILE>

        Usage: onepath backfill --out <FILE> --spine <FILE> <--service <NAME>|--features <REFERENCES>>

        For more information, try '--help'.
    "#]],
    );
    check(
        &project(),
        "backfill --spine labels.csv --out out.csv",
        expect![[r#"
        error: the following required arguments were not provided:
          <--service <NAME>|--features <REFERENCES>>

        Usage: onepath backfill --out <FILE> --spine <FILE> <--service <NAME>|--features <REFERENCES>>

        For more information, try '--help'.
    "#]],
    );
    check(
        &project(),
        &format!("{BACKFILL} --spill-dir nowhere"),
        expect![[r#"
        error: --spill-dir nowhere: there is no such folder
    "#]],
    );
    check(
        &project(),
        &format!("{BACKFILL} --threads 0"),
        expect![[r#"
        error: invalid value '0' for '--threads <N>': 0 is not in 1..=65535

        For more information, try '--help'.
    "#]],
    );
    check(
        &project(),
        &format!("{BACKFILL} --at events"),
        expect![[r#"
        error: the argument '--spine <FILE>' cannot be used with '--at <WHAT>'

        Usage: onepath backfill --out <FILE> --spine <FILE> --as-of-column <COLUMN> <--service <NAME>|--features <REFERENCES>>

        For more information, try '--help'.
    "#]],
    );
    check(
        &project(),
        "backfill --service churn_v1 --every 1d --out out.csv",
        expect![[r#"
        error: the following required arguments were not provided:
          --from <TIME>
          --to <TIME>

        Usage: onepath backfill --out <FILE> --every <LENGTH> --from <TIME> --to <TIME> <--service <NAME>|--features <REFERENCES>>

        For more information, try '--help'.
    "#]],
    );
    check(
        &project(),
        &format!("{BACKFILL} --source events"),
        expect![[r#"
        error: invalid value 'events' for '--source <NAME=FILE>': give it as NAME=FILE, such as events=data/events.parquet

        For more information, try '--help'.
    "#]],
    );
}
