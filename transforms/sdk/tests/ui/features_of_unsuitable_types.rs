//! Features own their values, and have types of the contract.
use onepath_sdk::prelude::*;

#[derive(Features)]
struct Counts {
    count: usize,
}

#[derive(Features)]
struct Borrowed<'a> {
    favourite: &'a str,
}

#[derive(Features)]
struct Lists {
    last_amounts: Vec<i64>,
}

#[derive(Features)]
struct Whole(f64);

#[derive(Features)]
enum Either {
    Count,
    Sum,
}

fn main() {}
