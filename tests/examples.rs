//! The examples beside churn as a reader runs them, on copies: every command of their `run.sh`, and what comes of it. Those that have
//! a declared twin are run with it as well, and give the same values.

use expect_test::{Expect, expect, expect_file};

use crate::support::{Project, Ran, component, repository};

/// A copy of an example whose transforms are built already.
fn example(name: &str) -> Project {
    let source = repository().join("examples").join(name);
    let toml = std::fs::read_to_string(source.join("onepath.toml")).expect("the example has a project file");
    let mut copied = String::new();
    for line in toml.lines() {
        match line.strip_prefix("transform = \"").and_then(|rest| rest.strip_suffix('"')) {
            Some(transform) => {
                let built = component(&format!("examples/{name}/{transform}"));
                copied.push_str(&format!("transform = \"{}\"\n", built.display()));
            }
            None => copied.push_str(&format!("{line}\n")),
        }
    }
    let project = Project::new(&copied);
    for folder in ["data", "expected"] {
        for entry in std::fs::read_dir(source.join(folder)).expect("the example has the folder") {
            let path = entry.expect("lists a folder").path();
            let file = path.file_name().expect("a file").to_string_lossy().into_owned();
            project.write(&format!("{folder}/{file}"), std::fs::read(&path).expect("reads"));
        }
    }
    copy_twin(&project, name);
    std::fs::create_dir(project.path("out")).expect("makes a folder");
    project
}

/// Copies the declared twin of an example, if it has one.
fn copy_twin(project: &Project, name: &str) {
    let twin = repository().join("examples").join(name).join("declared");
    for file in ["onepath.toml", "onepath.lock"].into_iter().filter(|_| twin.is_dir()) {
        project.write(&format!("declared/{file}"), std::fs::read(twin.join(file)).expect("the twin has the file"));
    }
}

fn good(project: &Project, words: &str) -> Ran {
    let ran = project.run(words);
    assert_eq!(ran.code, 0, "{words}\n{}\n{}", ran.stdout, ran.stderr);
    ran
}

/// The commands of an example's `run.sh` that are shown to its reader.
fn script(name: &str) -> Vec<String> {
    let script = repository().join("examples").join(name).join("run.sh");
    let text = std::fs::read_to_string(script).expect("the example has a script").replace("\\\n", " ");
    let commands: Vec<String> =
        text.lines().filter_map(|line| line.strip_prefix("shown ")).map(str::to_owned).collect();
    assert!(commands.len() >= 6, "the commands of {name} were found");
    commands
}

/// Runs an example's script. `answers` is what it served as of moments in the past.
fn lived_through(name: &str, answers: &Expect) {
    let project = example(name);
    let (mut served, mut shown, mut last) = (0, String::new(), String::new());
    for command in script(name) {
        let words: Vec<&str> = command.split_whitespace().collect();
        match words[..] {
            ["cmp", out, expected] => assert_same_files(&project, out, expected),
            ["onepath", verb, ..] => {
                last = good(&project, command.trim_start_matches("onepath ")).stdout;
                assert!(!last.contains("later than they say"), "{command}\n{last}");
                served += usize::from(verb == "get");
                if verb == "get" && command.contains("--as-of") {
                    shown.push_str(&last);
                }
                if verb == "backfill" {
                    in_every_way(&project, &command);
                }
            }
            _ => panic!("{name}: {command} is no command that this test knows"),
        }
    }
    let proof = last.lines().all(|line| line.ends_with(": 0 differences"));
    assert!(proof && last.starts_with(&format!("verified {served} served vectors")), "{last}");
    answers.assert_eq(&shown);
    good(&project, "check --cases 20");
    if project.path("declared").exists() {
        assert_eq!(values(&live_through_twin(&project, name)), values(&shown), "the twin answers otherwise");
    }
}

/// What answers show but the statuses: in a twin, a sum of nothing is a null that a default replaces, and its status says so.
fn values(shown: &str) -> Vec<Vec<&str>> {
    let is_row = |line: &&str| line.starts_with('│') || line.starts_with("as of");
    let is_shown = |word: &&str| !["PRESENT", "NULL_VALUE"].contains(word);
    shown.lines().filter(is_row).map(|line| line.split_whitespace().filter(is_shown).collect()).collect()
}

/// Runs the rest of an example's script, from the online store on, with the declared twin. What it serves as of moments in the past.
fn live_through_twin(project: &Project, name: &str) -> String {
    let (mut served, mut shown, mut last) = (0, String::new(), String::new());
    let commands = script(name).into_iter().filter(|command| !command.contains("--project declared"));
    for command in commands {
        let words = command.trim_start_matches("onepath ");
        if !["materialize", "ingest", "get", "verify"].iter().any(|verb| words.starts_with(verb)) {
            continue;
        }
        last = good(project, &format!("{words} --project declared")).stdout;
        if words.starts_with("get") {
            served += 1;
            if words.contains("--as-of") {
                shown.push_str(&last);
            }
        }
    }
    let proof = last.lines().all(|line| line.ends_with(": 0 differences"));
    assert!(proof && last.starts_with(&format!("verified {served} served vectors")), "{last}");
    good(project, "check --project declared --cases 20");
    shown
}

/// Repeats a backfill in small batches and by several threads.
fn in_every_way(project: &Project, backfill: &str) {
    let out = backfill.split_whitespace().skip_while(|word| *word != "--out").nth(1).expect("a backfill has an output");
    for way in ["--threads 1 --batch-rows 1", "--threads 3 --batch-rows 7"] {
        let command = backfill.trim_start_matches("onepath ").replace(out, "out/again.csv");
        good(project, &format!("{command} {way}"));
        assert_same_files(project, "out/again.csv", out);
    }
}

fn assert_same_files(project: &Project, one: &str, other: &str) {
    let read = |name: &str| std::fs::read_to_string(project.path(name)).expect("was written");
    assert!(read(one) == read(other), "{one} differs from {other}");
}

#[test]
fn fraud() {
    let answers = expect![[r#"
        ┌─────────────────────────────────────────────────────────┐
        │ feature                    value                status  │
        ╞═════════════════════════════════════════════════════════╡
        │ card:payment_count_10m     1                    PRESENT │
        │ card:payment_sum_10m       18.74                PRESENT │
        │ card:payment_count_24h     4                    PRESENT │
        │ card:payment_sum_24h       179.73               PRESENT │
        │ card:merchant_count_24h    4                    PRESENT │
        │ card:mean_amount           49.46017857142857    PRESENT │
        │ card:newest_amount_ratio   0.3788906660119793   PRESENT │
        │ unusual:amount_ratio       12.333154016398474   PRESENT │
        │ unusual:amount_share_24h   0.7724158889747128   PRESENT │
        └─────────────────────────────────────────────────────────┘
        as of 2024-06-30T18:33:30Z, log offset 34
        ┌─────────────────────────────────────────────────────────┐
        │ feature                    value                status  │
        ╞═════════════════════════════════════════════════════════╡
        │ card:payment_count_10m     0                    PRESENT │
        │ card:payment_sum_10m       0.0                  PRESENT │
        │ card:payment_count_24h     0                    PRESENT │
        │ card:payment_sum_24h       0.0                  PRESENT │
        │ card:merchant_count_24h    0                    PRESENT │
        │ card:mean_amount           49.46017857142857    PRESENT │
        │ card:newest_amount_ratio   0.3788906660119793   PRESENT │
        │ unusual:amount_ratio       12.333154016398474   PRESENT │
        │ unusual:amount_share_24h   1.0                  PRESENT │
        └─────────────────────────────────────────────────────────┘
        as of 2024-07-02T18:00:00Z, log offset 46
    "#]];
    lived_through("fraud", &answers);
}

#[test]
fn recommend() {
    let answers = expect![[r#"
        ┌──────────────────────────────────────────────────────────┐
        │ feature                  value                   status  │
        ╞══════════════════════════════════════════════════════════╡
        │ users:rating_count       11                      PRESENT │
        │ items:rating_count       9                       PRESENT │
        │ items:mean_rating_30d    2.0                     PRESENT │
        │ match:embedding_cosine   -0.13448754109491043    PRESENT │
        │ match:rating_advantage   -0.030303030303030276   PRESENT │
        │ match:hour_sin           0.49999999999999994     PRESENT │
        │ match:hour_cos           -0.8660254037844387     PRESENT │
        └──────────────────────────────────────────────────────────┘
        as of 2024-06-30T08:00:00Z, log offset 0
        ┌─────────────────────────────────────────────────────────┐
        │ feature                  value                  status  │
        ╞═════════════════════════════════════════════════════════╡
        │ users:rating_count       12                     PRESENT │
        │ items:rating_count       10                     PRESENT │
        │ items:mean_rating_30d    2.0                    PRESENT │
        │ match:embedding_cosine   -0.13448754109491043   PRESENT │
        │ match:rating_advantage   -0.2999999999999998    PRESENT │
        │ match:hour_sin           -0.5000000000000004    PRESENT │
        │ match:hour_cos           0.8660254037844384     PRESENT │
        └─────────────────────────────────────────────────────────┘
        as of 2024-06-30T20:00:00Z, log offset 2
        ┌────────────────────────────────────────────────────────────┐
        │ feature                  value                  status     │
        ╞════════════════════════════════════════════════════════════╡
        │ users:rating_count       12                     PRESENT    │
        │ items:rating_count       12                     PRESENT    │
        │ items:mean_rating_30d    3.1666666666666665     PRESENT    │
        │ match:embedding_cosine   null                   NULL_VALUE │
        │ match:rating_advantage   -0.08333333333333348   PRESENT    │
        │ match:hour_sin           -0.5000000000000004    PRESENT    │
        │ match:hour_cos           0.8660254037844384     PRESENT    │
        └────────────────────────────────────────────────────────────┘
        as of 2024-06-30T20:00:00Z, log offset 2
    "#]];
    lived_through("recommend", &answers);
}

#[test]
fn sessions() {
    let answers = expect![[r#"
        ┌─────────────────────────────────────────────┐
        │ feature                     value   status  │
        ╞═════════════════════════════════════════════╡
        │ visit:purchases_30m         0       PRESENT │
        │ visit:clicks_30m            1       PRESENT │
        │ visit:seconds_since_start   0       PRESENT │
        │ visit:visits_7d             2       PRESENT │
        └─────────────────────────────────────────────┘
        as of 2024-07-01T09:00:00Z, log offset 1
        ┌─────────────────────────────────────────────┐
        │ feature                     value   status  │
        ╞═════════════════════════════════════════════╡
        │ visit:purchases_30m         1       PRESENT │
        │ visit:clicks_30m            2       PRESENT │
        │ visit:seconds_since_start   600     PRESENT │
        │ visit:visits_7d             2       PRESENT │
        └─────────────────────────────────────────────┘
        as of 2024-07-01T09:10:00Z, log offset 2
        ┌─────────────────────────────────────────────┐
        │ feature                     value   status  │
        ╞═════════════════════════════════════════════╡
        │ visit:purchases_30m         1       PRESENT │
        │ visit:clicks_30m            1       PRESENT │
        │ visit:seconds_since_start   0       PRESENT │
        │ visit:visits_7d             3       PRESENT │
        └─────────────────────────────────────────────┘
        as of 2024-07-01T09:31:00Z, log offset 3
    "#]];
    lived_through("sessions", &answers);
}

#[test]
fn versions() {
    let answers = expect![[r#"
        ┌──────────────────────────────────────────────┐
        │ feature                      value   status  │
        ╞══════════════════════════════════════════════╡
        │ purchases@v1:purchases_30d   7       PRESENT │
        └──────────────────────────────────────────────┘
        as of 2024-06-15T12:00:00Z, log offset 2
        ┌───────────────────────────────────────────────────────────┐
        │ feature                      value                status  │
        ╞═══════════════════════════════════════════════════════════╡
        │ purchases@v2:purchases_30d   2.0794415416798357   PRESENT │
        └───────────────────────────────────────────────────────────┘
        as of 2024-06-15T12:00:00Z, log offset 2
        ┌───────────────────────────────────────────────────────────┐
        │ feature                      value                status  │
        ╞═══════════════════════════════════════════════════════════╡
        │ purchases@v1:purchases_30d   7                    PRESENT │
        │ purchases@v2:purchases_30d   2.0794415416798357   PRESENT │
        └───────────────────────────────────────────────────────────┘
        as of 2024-06-15T12:00:00Z, log offset 2
    "#]];
    lived_through("versions", &answers);
}

/// The declared twin of churn: its training set is the one that the example's Rust makes, in bytes.
#[test]
fn churn_declared() {
    let project = crate::example::example();
    copy_twin(&project, "churn");
    let commands = script("churn");
    let twins: Vec<&String> = commands.iter().filter(|command| command.contains("--project declared")).collect();
    assert_eq!(twins.len(), 2, "it is built, and asked for a training set");
    for command in twins {
        good(&project, command.trim_start_matches("onepath "));
    }
    assert_same_files(&project, "out/declared.csv", "expected/training.csv");
    let training = |project: &Project, words: &str| {
        good(
            project,
            &format!("backfill --service churn_v1 --spine data/labels_leaky.csv --as-of-column seen_until {words}"),
        );
    };
    training(&project, "--out out/leaky.csv");
    training(&project, "--out out/declared.csv --project declared");
    assert_same_files(&project, "out/declared.csv", "out/leaky.csv");
}

/// The lock files of the twins are those that `onepath build` writes; `UPDATE_EXPECT=1` writes them anew.
#[test]
fn the_locks_of_twins_are_of_this_standard_component() {
    for name in ["churn", "fraud", "recommend", "sessions"] {
        let project = Project::new("[project]\nname = \"empty\"\n");
        copy_twin(&project, name);
        good(&project, "build --project declared --upgrade");
        let lock = std::fs::read_to_string(project.path("declared/onepath.lock")).expect("was written");
        expect_file![repository().join("examples").join(name).join("declared/onepath.lock")].assert_eq(&lock);
    }
}

/// The churn features in at most 40 lines of code: imports and signatures counted, comments, blank lines and tests not.
#[test]
fn the_churn_features_take_at_most_40_lines() {
    let source = std::fs::read_to_string(repository().join("transforms/churn/src/lib.rs")).expect("reads");
    let code = source.split("#[cfg(test)]").next().unwrap_or_default();
    let is_code = |line: &&str| !line.trim().is_empty() && !line.trim().starts_with("//");
    let lines = code.lines().filter(is_code).count();
    assert!(lines <= 40, "{lines} lines");
}
