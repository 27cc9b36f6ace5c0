//! A few out of many, each with the same chance, without knowing how many there will be: those with the lowest draws. Which
//! ones they are does not depend on the order in which they are offered. Draws nothing itself.

/// Keeps up to so many.
#[derive(Debug)]
pub(crate) struct Reservoir<T> {
    room: usize,
    /// With their draws, the lowest first.
    kept: Vec<(u64, T)>,
}

impl<T> Reservoir<T> {
    /// An empty one with room for so many.
    pub(crate) const fn new(room: usize) -> Self {
        Self {
            room,
            kept: Vec::new(),
        }
    }

    /// Whether something with this draw would be kept now.
    pub(crate) fn takes(&self, draw: u64) -> bool {
        self.kept.len() < self.room || self.kept.last().is_some_and(|(last, _)| draw < *last)
    }

    /// Keeps it, in place of the one with the highest draw if there is no room.
    pub(crate) fn keep(&mut self, draw: u64, what: T) {
        let at = self.kept.partition_point(|(kept, _)| *kept <= draw);
        self.kept.insert(at, (draw, what));
        self.kept.truncate(self.room);
    }

    /// What was kept.
    pub(crate) fn into_kept(self) -> impl Iterator<Item = T> {
        self.kept.into_iter().map(|(_, what)| what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use harness_core::random::Draws;

    fn chosen(seed: u64, offered: impl Iterator<Item = u64>) -> Vec<u64> {
        let mut reservoir = Reservoir::new(4);
        for number in offered {
            let draw = Draws::at(seed, &[number]).bits();
            if reservoir.takes(draw) {
                reservoir.keep(draw, number);
            }
        }
        let mut kept: Vec<u64> = reservoir.into_kept().collect();
        kept.sort_unstable();
        kept
    }

    #[test]
    fn each_has_the_same_chance() {
        let mut thirds = [0; 3];
        for seed in 0..1000 {
            let kept = chosen(seed, 0..300);
            assert_eq!(kept.len(), 4);
            kept.iter().for_each(|k| thirds[*k as usize / 100] += 1);
        }
        // 4000 draws with one in three: a standard deviation is 30.
        assert!(
            thirds.iter().all(|n| (1180..1490).contains(n)),
            "{thirds:?}"
        );
    }

    #[test]
    fn the_order_does_not_matter_and_the_seed_does() {
        assert_eq!(chosen(1, 0..300), chosen(1, (0..300).rev()));
        assert_ne!(chosen(1, 0..300), chosen(2, 0..300));
        assert_eq!(chosen(1, 0..3), [0, 1, 2]);
    }
}
