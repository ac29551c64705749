//! Limits and the share of repeated calls: what they mean, and what is wrong with them.

use std::path::Path;

use expect_test::expect;

use super::{REST, check, check_whole};
use crate::project::{LimitSettings, Project};

#[test]
fn limits_that_are_given() {
    let text = format!("{}\n[limits]\nmemory_bytes_max = 134_217_728\ncall_ms_max = 500\n", REST.trim_start());
    let text = text.replace("name = \"churn\"", "name = \"churn\"\nrepeat_share = 0.01");
    let project = Project::parse(&text, Path::new("onepath.toml")).expect("a valid project");
    let expected =
        LimitSettings { memory_bytes_max: Some(128 << 20), call_ms_max: Some(500), ..LimitSettings::default() };
    assert_eq!((project.limits, project.repeat_every), (expected, Some(100)));
}

#[test]
fn limits_at_fault() {
    check(
        "[limits]\nmemory_max = 1\n",
        &expect![[r#"
            onepath.toml:2:1: unknown field "memory_max"
              |
            2 | memory_max = 1
              | ^^^^^^^^^^
              |
              = help: the fields of this table are component_bytes_max, function_bytes_max, compile_ms_max, admission_ms_max, admission_bytes_max, memory_bytes_max, table_elements_max, stack_bytes_max, call_ms_max, output_bytes_max, description_bytes_max, state_bytes_max, stderr_bytes_max"#]],
    );
    check(
        "[limits]\nmemory_bytes_max = \"1 GiB\"\n",
        &expect![[r#"
        onepath.toml:2:20: invalid type: string "1 GiB", expected i64
          |
        2 | memory_bytes_max = "1 GiB"
          |                    ^^^^^^^"#]],
    );
    check(
        "[limits]\nstack_bytes_max = 0\n",
        &expect![[r#"
        onepath.toml:2:19: 0 is out of range for stack_bytes_max
          |
        2 | stack_bytes_max = 0
          |                   ^
          |
          = help: write a whole number from 65536 to 1048576"#]],
    );
    check(
        "[limits]\ncall_ms_max = -1\n",
        &expect![[r#"
        onepath.toml:2:15: -1 is out of range for call_ms_max
          |
        2 | call_ms_max = -1
          |               ^^
          |
          = help: write a whole number from 1 to 86400000"#]],
    );
    check_whole(
        "[project]\nname = \"churn\"\nrepeat_share = 2.0\n",
        &expect![[r#"
        onepath.toml:3:16: 2 is not a share
          |
        3 | repeat_share = 2.0
          |                ^^^
          |
          = help: write a share of the calls from 0.0 (none) to 1.0 (all), such as repeat_share = 0.001"#]],
    );
    check_whole(
        "[project]\nname = \"churn\"\nrepeat_share = nan\n",
        &expect![[r#"
        onepath.toml:3:16: NaN is not a share
          |
        3 | repeat_share = nan
          |                ^^^
          |
          = help: write a share of the calls from 0.0 (none) to 1.0 (all), such as repeat_share = 0.001"#]],
    );
}

#[test]
fn serving_is_set_within_bounds() {
    let text = format!("{}\n[serving]\nserved_bytes_max = 1_048_576\n", REST.trim_start());
    let project = Project::parse(&text, Path::new("onepath.toml")).expect("a valid project");
    assert_eq!((project.serving.served_bytes_max, project.serving.log_share), (1 << 20, 1.0));
    check(
        "[serving]\nserved_bytes_max = 1000\n",
        &expect![[r#"
        onepath.toml:2:20: 1000 is out of range for served_bytes_max
          |
        2 | served_bytes_max = 1000
          |                    ^^^^
          |
          = help: write a whole number from 1048576 to 9223372036854775807"#]],
    );
    check(
        "[serving]\nlog_share = 1.5\n",
        &expect![[r#"
        onepath.toml:2:13: 1.5 is not a share
          |
        2 | log_share = 1.5
          |             ^^^
          |
          = help: write the share of entities whose served vectors are recorded, from 0.0 (none) to 1.0 (all)"#]],
    );
}
