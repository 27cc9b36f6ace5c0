//! The statistical benchmark of the regression verdicts: how often they call a change where there is none, and how often
//! they find one that is there, beside the methods in common use; how often the interval of a
//! phase holds the truth, and how long comparisons take. Prints the tables of
//! docs/benchmarks.md. `verdicts [TRIALS] [SEED] [PART…]`, where a part is `trials`, `stretches` or `speed`.

#![allow(clippy::print_stdout, reason = "the tables are what it is for")]
#![allow(clippy::unwrap_used, reason = "a benchmark may stop at what can't be")]

mod model;
mod naive;
mod speed;
mod stretches;
mod trials;

fn main() {
    let mut words = std::env::args().skip(1);
    let mut number = |default: u64| words.next().map_or(default, |w| w.parse().unwrap());
    let (trials, seed) = (number(1000), number(1));
    let parts: Vec<String> = words.collect();
    let wanted = |part: &str| parts.is_empty() || parts.iter().any(|p| p == part);
    let table = model::Table::new();
    println!("{trials} trials of 10 names, seed {seed}\n");
    if wanted("trials") {
        trials::run(trials, seed, &table);
    }
    if wanted("stretches") {
        stretches::run(trials, seed, &table);
    }
    if wanted("speed") {
        speed::run(&table, seed);
    }
}
