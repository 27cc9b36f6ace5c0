//! Contract findings that are known and accepted: which keys an acceptance covers. It must not know what a finding is
//! worth.

use serde::{Deserialize, Serialize};

/// A finding that is known and accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// The keys it covers, `check:operation:detail`; `*` stands for any text, none too.
    pub finding: String,
    /// Why, in the words of the suite.
    pub reason: String,
}

impl Accepted {
    /// Whether it covers the finding of a key.
    pub fn covers(&self, key: &str) -> bool {
        let mut parts = self.finding.split('*');
        // `split` gives at least one part.
        let first = parts.next().unwrap_or_default();
        let Some(mut rest) = key.strip_prefix(first) else {
            return false;
        };
        let Some(last) = parts.next_back() else {
            return rest.is_empty();
        };
        for part in parts {
            let Some(at) = rest.find(part) else {
                return false;
            };
            rest = &rest[at + part.len()..];
        }
        rest.ends_with(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn covers(finding: &str, key: &str) -> bool {
        let accepted = Accepted {
            finding: finding.into(),
            reason: String::new(),
        };
        accepted.covers(key)
    }

    #[test]
    fn an_acceptance_covers_its_key_and_no_longer_one() {
        assert!(covers("a:GET /x:404", "a:GET /x:404"));
        assert!(!covers("a:GET /x:404", "a:GET /x:4040"));
        assert!(!covers("a:GET /x:40", "a:GET /x:404"));
        assert!(covers("a:*:404", "a:GET /x/{id}:404"));
        assert!(!covers("a:*:404", "a:GET /x/{id}:403"));
        assert!(!covers("a:*:404", "b:GET /x/{id}:404"));
        assert!(covers("a:GET /x*:*", "a:GET /x/{id}:404:/body"));
        assert!(covers("a:*x*y*", "a:xy"));
        assert!(!covers("a:*x*y*", "a:yx"));
        // What begins and what ends may not be the same letters.
        assert!(!covers("aba*ba", "aba"));
    }

    proptest! {
        #[test]
        fn a_key_cut_open_anywhere_is_covered(key in "[a-z:/ {}]{0,30}", from in 0usize..30, to in 0usize..30) {
            let (from, to) = (from.min(key.len()), to.min(key.len()));
            let (from, to) = (from.min(to), from.max(to));
            let cut = format!("{}*{}", &key[..from], &key[to..]);
            prop_assert!(covers(&cut, &key));
        }
    }
}
