//! The statistical benchmark of the regression verdicts: how often they call a change where there is none, and how often
//! they find one that is there, beside the methods in common use; and how long they take. Prints the tables of
//! docs/benchmarks.md. `verdicts [TRIALS] [SEED]`.

#![allow(clippy::print_stdout, reason = "the tables are what it is for")]
#![allow(clippy::unwrap_used, reason = "a benchmark may stop at what can't be")]

mod model;
mod naive;
mod speed;
mod trials;

fn main() {
    let mut words = std::env::args().skip(1);
    let mut number = |default: u64| words.next().map_or(default, |w| w.parse().unwrap());
    let (trials, seed) = (number(1000), number(1));
    let table = model::Table::new();
    println!("{trials} trials of 10 names, seed {seed}\n");
    trials::run(trials, seed, &table);
    speed::run(&table, seed);
}
