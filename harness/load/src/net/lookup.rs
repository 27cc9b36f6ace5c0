//! Host names and the addresses behind them: looked up once for a load or again for each connection, and used in
//! turn. Who answers is behind a trait, so that a test can be the name server. Opens no connection.

use super::turns::Turns;
use crate::clock::Clock;
use harness_core::plan::load::Lookup;
use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Names remembered at most: a target that redirects to ever new hosts must not grow the memory.
const NAMES: usize = 256;

/// The addresses of a name, when they are there.
pub(crate) type Answer<'a> = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'a>>;

/// Who knows the addresses of names.
pub(crate) trait Resolver: Send + Sync + std::fmt::Debug {
    /// Every address of a name, each with the port.
    fn look_up<'a>(&'a self, host: &'a str, port: u16) -> Answer<'a>;
}

/// The operating system's resolver.
#[derive(Debug)]
pub(crate) struct System;

impl Resolver for System {
    fn look_up<'a>(&'a self, host: &'a str, port: u16) -> Answer<'a> {
        Box::pin(async move { Ok(tokio::net::lookup_host((host, port)).await?.collect()) })
    }
}

/// Addresses by name and port.
type Known = HashMap<(String, u16), Arc<[SocketAddr]>>;

/// The names of one load, shared by its workers.
#[derive(Debug)]
pub(crate) struct Names {
    when: Lookup,
    resolver: Arc<dyn Resolver>,
    known: Mutex<Known>,
    /// Which of several addresses comes first.
    turns: Mutex<Turns>,
    clock: Clock,
}

impl Names {
    /// None known yet.
    pub(crate) fn new(when: Lookup, resolver: Arc<dyn Resolver>, clock: Clock) -> Self {
        Self {
            when,
            resolver,
            known: Mutex::default(),
            turns: Mutex::default(),
            clock,
        }
    }

    /// Whether a name that was looked up is known from then on.
    pub(crate) fn remembers(&self) -> bool {
        self.when == Lookup::Once
    }

    /// The addresses of a name for the next connection, in the order in which they are to be tried: another first
    /// each time. Empty if the name has none. An address needs no lookup; the flag says whether there was one.
    pub(crate) async fn addresses(
        &self,
        host: &str,
        port: u16,
    ) -> io::Result<(Vec<SocketAddr>, bool)> {
        if let Ok(address) = host.parse::<IpAddr>() {
            return Ok((vec![SocketAddr::new(address, port)], false));
        }
        let remembered = self.remembered(host, port);
        let asked = remembered.is_none();
        let all = match remembered {
            Some(all) => all,
            None => self.ask(host, port).await?,
        };
        let addresses = self.turns().order(&all, self.clock.now());
        Ok((addresses, asked))
    }

    /// Every address of a name that is known, in no order; for whoever keeps turns of its own.
    pub(crate) async fn all(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        if let Some(known) = self.remembered(host, port) {
            return Ok(known.to_vec());
        }
        Ok(self.addresses(host, port).await?.0)
    }

    /// An address took a connection, or took none.
    pub(crate) fn tried(&self, address: SocketAddr, took: bool) {
        let mut turns = self.turns();
        if took {
            turns.took(address);
        } else {
            turns.failed(address, self.clock.now());
        }
    }

    fn turns(&self) -> MutexGuard<'_, Turns> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remembered(&self, host: &str, port: u16) -> Option<Arc<[SocketAddr]>> {
        if self.when == Lookup::Connection {
            return None;
        }
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        // Only on the way to a new connection, where an allocation is nothing.
        known.get(&(host.to_owned(), port)).map(Arc::clone)
    }

    async fn ask(&self, host: &str, port: u16) -> io::Result<Arc<[SocketAddr]>> {
        let mut found = self.resolver.look_up(host, port).await?;
        let mut seen = Vec::with_capacity(found.len());
        found.retain(|address| {
            let new = !seen.contains(address);
            seen.push(*address);
            new
        });
        let found: Arc<[SocketAddr]> = found.into();
        if self.when == Lookup::Once && !found.is_empty() {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            if known.len() < NAMES {
                known.insert((host.to_owned(), port), Arc::clone(&found));
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
pub(crate) mod testing {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Answers with what it is told, one answer after another, the last one again and again; counts the questions.
    #[derive(Debug)]
    pub(crate) struct Told {
        pub(crate) answers: Vec<Result<Vec<SocketAddr>, io::ErrorKind>>,
        pub(crate) asked: AtomicUsize,
    }

    impl Told {
        pub(crate) fn new(
            answers: impl IntoIterator<Item = Result<Vec<SocketAddr>, io::ErrorKind>>,
        ) -> Arc<Self> {
            Arc::new(Self {
                answers: answers.into_iter().collect(),
                asked: AtomicUsize::new(0),
            })
        }

        pub(crate) fn asked(&self) -> usize {
            self.asked.load(Ordering::SeqCst)
        }
    }

    impl Resolver for Told {
        fn look_up<'a>(&'a self, _: &'a str, _: u16) -> Answer<'a> {
            let n = self.asked.fetch_add(1, Ordering::SeqCst);
            let answer = self.answers[n.min(self.answers.len() - 1)].clone();
            Box::pin(async move { answer.map_err(io::Error::from) })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::testing::Told;
    use super::*;

    fn two() -> Vec<SocketAddr> {
        vec![
            "127.0.0.1:1".parse().unwrap(),
            "[::1]:1".parse().unwrap(),
            "127.0.0.1:1".parse().unwrap(),
        ]
    }

    async fn firsts(names: &Names, n: usize) -> Vec<String> {
        let mut firsts = Vec::new();
        for _ in 0..n {
            let (addresses, _) = names.addresses("shop", 1).await.unwrap();
            assert_eq!(addresses.len(), 2);
            firsts.push(addresses[0].to_string());
        }
        firsts
    }

    #[tokio::test]
    async fn a_name_is_looked_up_once_and_its_addresses_take_turns() {
        let told = Told::new([Ok(two())]);
        let names = Names::new(Lookup::Once, told.clone(), Clock::start());
        assert_eq!(
            firsts(&names, 4).await,
            ["127.0.0.1:1", "[::1]:1", "127.0.0.1:1", "[::1]:1"]
        );
        assert_eq!(told.asked(), 1);
        assert!(!names.addresses("shop", 1).await.unwrap().1);
        names.addresses("shop", 2).await.unwrap();
        assert_eq!(told.asked(), 2);
    }

    #[tokio::test]
    async fn or_for_each_connection() {
        let told = Told::new([Ok(two()), Err(io::ErrorKind::NotFound), Ok(two())]);
        let names = Names::new(Lookup::Connection, told.clone(), Clock::start());
        assert!(names.addresses("shop", 1).await.unwrap().1);
        assert!(names.addresses("shop", 1).await.is_err());
        assert_eq!(firsts(&names, 1).await.len(), 1);
        assert_eq!(told.asked(), 3);
    }

    #[tokio::test]
    async fn a_failure_is_not_remembered_and_an_address_is_not_looked_up() {
        let told = Told::new([Err(io::ErrorKind::NotFound), Ok(vec![]), Ok(two())]);
        let names = Names::new(Lookup::Once, told.clone(), Clock::start());
        assert!(names.addresses("shop", 1).await.is_err());
        assert_eq!(names.addresses("shop", 1).await.unwrap(), (vec![], true));
        assert_eq!(firsts(&names, 1).await.len(), 1);
        assert_eq!(told.asked(), 3);
        let there = names.addresses("::1", 80).await.unwrap();
        assert_eq!(there, (vec!["[::1]:80".parse().unwrap()], false));
        assert_eq!(told.asked(), 3);
    }
}
