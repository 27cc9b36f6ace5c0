//! A line of a load tick, written as a run writes it, read by hand: these are nine tenths of a recording, and nearly all of each
//! are numbers. Whatever stands there otherwise is for the general reading to judge, so this knows no errors.

use harness_core::event::{Envelope, Event, LoadTick};
use harness_core::hist::Hist;
use harness_core::phases::{Phases, RequestPhase};
use std::collections::BTreeMap;

/// The tick, if the line is one and its members stand in the order they are declared in.
pub(super) fn read(line: &[u8]) -> Option<Envelope> {
    let mut rest = Rest {
        text: line,
        pairs: Vec::with_capacity(64),
    };
    rest.skip(b"{\"seq\":")?;
    let seq = rest.number()?;
    rest.skip(b",\"at_us\":")?;
    let at_us = rest.number()?;
    rest.skip(b",\"wall_ms\":")?;
    let wall_ms = i64::try_from(rest.number()?).ok()?;
    rest.skip(b",\"event\":\"load_tick\",\"scenario\":")?;
    let tick = LoadTick {
        scenario: rest.text()?.to_owned(),
        second: rest.small(b",\"second\":")?,
        epoch: rest.small(b",\"epoch\":")?,
        name: {
            rest.skip(b",\"name\":")?;
            rest.text()?.to_owned()
        },
        users: rest.count(b",\"users\":")?,
        planned: rest.count(b",\"planned\":")?,
        started: rest.count(b",\"started\":")?,
        late_generator: rest.count(b",\"late_generator\":")?,
        late_target: rest.count(b",\"late_target\":")?,
        dropped: rest.count(b",\"dropped\":")?,
        dropped_generator: rest.count(b",\"dropped_generator\":")?,
        begun: rest.count(b",\"begun\":")?,
        no_data: rest.count(b",\"no_data\":")?,
        ok: rest.count(b",\"ok\":")?,
        errors: rest.errors()?,
        cancelled: rest.count(b",\"cancelled\":")?,
        bytes_in: rest.count(b",\"bytes_in\":")?,
        response: rest.hist(b",\"response\":")?,
        affected: rest.hist(b",\"affected\":")?,
        affected_errors: rest.count(b",\"affected_errors\":")?,
        service: rest.hist(b",\"service\":")?,
        phases: rest.phases()?,
    };
    rest.skip(b"}")?;
    matches!(rest.text, b"" | b"\n").then(|| Envelope {
        seq,
        at_us,
        wall_ms,
        event: Event::LoadTick(Box::new(tick)),
    })
}

/// What is left of a line. Everything that reads from it gives `None` where something else stands.
struct Rest<'l> {
    text: &'l [u8],
    /// Room for the pairs of a distribution, most of which have fewer than it holds.
    pairs: Vec<(u64, u64)>,
}

impl<'l> Rest<'l> {
    // Of a known length, so that comparing is an instruction or two.
    fn skip<const N: usize>(&mut self, what: &[u8; N]) -> Option<()> {
        let (begin, rest) = self.text.split_first_chunk::<N>()?;
        (begin == what).then(|| self.text = rest)
    }

    /// Whether this stands here; it is skipped then.
    fn has<const N: usize>(&mut self, what: &[u8; N]) -> bool {
        self.skip(what).is_some()
    }

    /// Digits, without a needless zero before them.
    fn number(&mut self) -> Option<u64> {
        let (mut number, mut digits) = (0u64, 0);
        while let Some(digit) = self.text.get(digits).map(|byte| byte.wrapping_sub(b'0'))
            && digit < 10
        {
            number = number.checked_mul(10)?.checked_add(digit.into())?;
            digits += 1;
        }
        let plain = digits == 1 || (digits > 1 && self.text.first() != Some(&b'0'));
        self.text = self.text.get(digits..)?;
        plain.then_some(number)
    }

    fn small<const N: usize>(&mut self, key: &[u8; N]) -> Option<u32> {
        self.skip(key)?;
        u32::try_from(self.number()?).ok()
    }

    /// The number of a member that may be missing.
    fn count<const N: usize>(&mut self, key: &[u8; N]) -> Option<u64> {
        match self.has(key) {
            true => self.number(),
            false => Some(0),
        }
    }

    /// A text in which nothing is escaped.
    fn text(&mut self) -> Option<&'l str> {
        self.skip(b"\"")?;
        let odd = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..0x20);
        let end = self.text.iter().position(odd)?;
        let (text, rest) = self.text.split_at_checked(end)?;
        self.text = rest;
        self.skip(b"\"")?;
        std::str::from_utf8(text).ok()
    }

    fn errors(&mut self) -> Option<BTreeMap<String, u64>> {
        let mut errors = BTreeMap::new();
        if !self.has(b",\"errors\":{") || self.has(b"}") {
            return Some(errors);
        }
        loop {
            let class = self.text()?.to_owned();
            self.skip(b":")?;
            errors.insert(class, self.number()?);
            if self.has(b"}") {
                return Some(errors);
            }
            self.skip(b",")?;
        }
    }

    /// A distribution that may be missing.
    fn hist<const N: usize>(&mut self, key: &[u8; N]) -> Option<Hist> {
        match self.has(key) {
            true => self.pairs(),
            false => Some(Hist::new()),
        }
    }

    fn pairs(&mut self) -> Option<Hist> {
        self.skip(b"[")?;
        if self.has(b"]") {
            return Some(Hist::new());
        }
        self.pairs.clear();
        loop {
            let value = self.number()?;
            self.skip(b",")?;
            let count = self.number()?;
            self.pairs.push((value, count));
            if self.has(b"]") {
                return Some(Hist::from_counts(self.pairs.drain(..)));
            }
            self.skip(b",")?;
        }
    }

    fn phases(&mut self) -> Option<Phases> {
        let mut phases = Phases::default();
        if !self.has(b",\"phases\":{") || self.has(b"}") {
            return Some(phases);
        }
        for phase in RequestPhase::ALL {
            let here = match phase {
                RequestPhase::Queue => self.has(b"\"queue\":"),
                RequestPhase::Dns => self.has(b"\"dns\":"),
                RequestPhase::Connect => self.has(b"\"connect\":"),
                RequestPhase::Tls => self.has(b"\"tls\":"),
                RequestPhase::FirstByte => self.has(b"\"first_byte\":"),
                RequestPhase::Body => self.has(b"\"body\":"),
            };
            if !here {
                continue;
            }
            *phases.get_mut(phase) = self.pairs()?;
            if self.has(b"}") {
                return Some(phases);
            }
            self.skip(b",")?;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn hist() -> impl Strategy<Value = Hist> {
        prop::collection::vec((0u64..700_000_000, 0u64..3), 0..6).prop_map(Hist::from_counts)
    }

    fn tick() -> impl Strategy<Value = LoadTick> {
        let count = || prop_oneof![3 => Just(0u64), 2 => 0u64..100, 1 => Just(u64::MAX)];
        let text = prop_oneof![3 => "[a-z /()]{1,9}", 1 => any::<String>()];
        let errors = prop::collection::btree_map("[a-z-]{1,6}", count(), 0..3);
        (
            (text.clone(), text, any::<u32>(), errors),
            prop::collection::vec(count(), 13),
            prop::collection::vec(hist(), 9),
        )
            .prop_map(|((scenario, name, second, errors), counts, hists)| {
                let mut counts = counts.into_iter();
                let mut hists = hists.into_iter();
                let mut tick = LoadTick {
                    scenario,
                    name,
                    second,
                    epoch: second / 7,
                    errors,
                    ..LoadTick::default()
                };
                let all = [
                    &mut tick.users,
                    &mut tick.planned,
                    &mut tick.started,
                    &mut tick.late_generator,
                    &mut tick.late_target,
                    &mut tick.dropped,
                    &mut tick.dropped_generator,
                    &mut tick.begun,
                    &mut tick.no_data,
                    &mut tick.ok,
                    &mut tick.cancelled,
                    &mut tick.bytes_in,
                    &mut tick.affected_errors,
                ];
                all.into_iter().zip(&mut counts).for_each(|(to, n)| *to = n);
                let all = [&mut tick.response, &mut tick.affected, &mut tick.service];
                all.into_iter().zip(&mut hists).for_each(|(to, h)| *to = h);
                for phase in RequestPhase::ALL {
                    *tick.phases.get_mut(phase) = hists.next().unwrap();
                }
                tick
            })
    }

    fn line(seq: u64, tick: LoadTick) -> String {
        let envelope = Envelope {
            seq,
            at_us: 8,
            wall_ms: 9,
            event: Event::LoadTick(Box::new(tick)),
        };
        serde_json::to_string(&envelope).unwrap()
    }

    proptest! {
        #[test]
        fn what_a_run_writes_is_read_as_anybody_reads_it(seq: u64, tick in tick()) {
            let plain = !(tick.scenario.clone() + &tick.name).contains(|c: char| c.is_control() || c == '"' || c == '\\');
            let line = line(seq, tick);
            let wanted: Envelope = serde_json::from_str(&line).unwrap();
            match read(line.as_bytes()) {
                Some(envelope) => prop_assert_eq!(envelope, wanted),
                None => prop_assert!(!plain, "{}", line),
            }
        }

        #[test]
        fn a_spoilt_line_is_read_as_anybody_reads_it_or_not_at_all(seq: u64, tick in tick(), at: prop::sample::Index, byte in prop::sample::select(b"0159,.-e\"\\]}{[: a\x00\xc3\n".to_vec())) {
            let mut line = line(seq, tick).into_bytes();
            let at = at.index(line.len());
            line[at] = byte;
            if let Some(envelope) = read(&line) {
                let wanted: Result<Envelope, _> = serde_json::from_slice(&line);
                prop_assert_eq!(wanted.ok(), Some(envelope));
            }
        }
    }

    #[test]
    fn other_forms_are_left_to_others() {
        let line = line(7, LoadTick::default());
        assert!(read(line.as_bytes()).is_some());
        let others = [
            line.replace(":7", ":07"),
            line.replace(":7", ":7.0"),
            line.replace(":7", ": 7"),
            line.replace("}", ",\"later\":1}"),
            line.replace("load_tick", "link_tick"),
            line.clone() + "x",
        ];
        for other in others {
            assert!(read(other.as_bytes()).is_none(), "{other}");
        }
    }
}
