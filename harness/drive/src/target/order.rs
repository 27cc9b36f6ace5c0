//! The order in which what needs each other starts. Pure.

/// Puts everyone behind those they need, and otherwise leaves them in the order they are in. In a circle somebody goes before one
/// they need.
pub(super) fn by_need<'a>(all: &[&'a str], needs: impl Fn(&str, &str) -> bool) -> Vec<&'a str> {
    let mut order = Vec::with_capacity(all.len());
    let mut open = Vec::new();
    for &name in all {
        place(name, all, &needs, &mut open, &mut order);
    }
    order
}

fn place<'a>(
    name: &'a str,
    all: &[&'a str],
    needs: &impl Fn(&str, &str) -> bool,
    open: &mut Vec<&'a str>,
    order: &mut Vec<&'a str>,
) {
    if order.contains(&name) || open.contains(&name) {
        return;
    }
    open.push(name);
    for &other in all {
        if needs(name, other) {
            place(other, all, needs, open, order);
        }
    }
    open.pop();
    order.push(name);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_needed_goes_first_and_a_circle_ends() {
        let needs = |name: &str, other: &str| {
            let edges = [
                ("web", "migrate"),
                ("migrate", "db"),
                ("db", "a"),
                ("a", "db"),
            ];
            edges.contains(&(name, other))
        };
        let all = ["mail", "web", "db", "a", "migrate"];
        assert_eq!(by_need(&all, needs), ["mail", "a", "db", "migrate", "web"]);
        assert_eq!(by_need(&all, |_, _| false), all);
    }
}
