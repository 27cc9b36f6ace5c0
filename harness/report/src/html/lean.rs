//! A finished page, smaller: quotes that were escaped where nothing asks for it, in the text between tags. Half of a page is
//! JSON and figures, and a quote is six bytes as `&quot;`. Tags, scripts and styles stay as they are.

/// What is written plain between tags; `<`, `>` and `&` never are.
const PLAIN: [(&str, char); 4] = [
    ("&quot;", '"'),
    ("&#39;", '\''),
    ("&#x27;", '\''),
    ("&#x2F;", '/'),
];
/// Elements whose text is no markup.
const RAW: [&str; 2] = ["script", "style"];

/// The page with the same meaning.
pub(super) fn lean(page: &str) -> String {
    let mut out = String::with_capacity(page.len());
    let mut rest = page;
    while let Some(open) = rest.find('<') {
        let (text, from) = rest.split_at(open);
        push_text(&mut out, text);
        let whole = RAW
            .iter()
            .find(|name| is_tag(from, name))
            .map(|name| format!("</{name}"));
        let end = match whole {
            // Up to its own end tag, which is a tag like another.
            Some(close) => from[1..].find(&close).map_or(from.len(), |at| at + 1),
            None => tag(from),
        };
        out.push_str(&from[..end]);
        rest = &from[end..];
    }
    push_text(&mut out, rest);
    out
}

fn is_tag(from: &str, name: &str) -> bool {
    let after = from.strip_prefix('<').and_then(|f| f.strip_prefix(name));
    after.is_some_and(|rest| rest.starts_with([' ', '>', '\n']))
}

/// Length of the tag, comment or declaration that begins here, quoted values of attributes included.
fn tag(from: &str) -> usize {
    if from.starts_with("<!--") {
        return from.find("-->").map_or(from.len(), |at| at + 3);
    }
    let mut quote = None;
    for (at, byte) in from.bytes().enumerate() {
        match (byte, quote) {
            (b'"' | b'\'', None) => quote = Some(byte),
            (byte, Some(open)) if byte == open => quote = None,
            (b'>', None) => return at + 1,
            _ => {}
        }
    }
    from.len()
}

fn push_text(out: &mut String, mut text: &str) {
    while let Some(at) = text.find('&') {
        out.push_str(&text[..at]);
        text = &text[at..];
        match PLAIN.iter().find(|(entity, _)| text.starts_with(entity)) {
            Some((entity, plain)) => {
                out.push(*plain);
                text = &text[entity.len()..];
            }
            None => {
                out.push('&');
                text = &text[1..];
            }
        }
    }
    out.push_str(text);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn quotes_stay_escaped_in_tags_and_scripts_alone() {
        let page = "<p title=\"a &quot;b&quot; > c\">&quot;x&quot; &amp;quot; &lt;b&gt; it&#39;s</p><script>'<p>&quot;'</script><i>&quot;</i>";
        assert_eq!(
            lean(page),
            "<p title=\"a &quot;b&quot; > c\">\"x\" &amp;quot; &lt;b&gt; it's</p><script>'<p>&quot;'</script><i>\"</i>"
        );
    }

    fn escaped(text: &str) -> String {
        let text = text.replace('&', "&amp;").replace('<', "&lt;");
        let text = text.replace('>', "&gt;").replace('"', "&quot;");
        text.replace('\'', "&#39;")
    }

    fn read(text: &str) -> String {
        let text = text.replace("&lt;", "<").replace("&gt;", ">");
        let text = text.replace("&quot;", "\"").replace("&#39;", "'");
        text.replace("&amp;", "&")
    }

    proptest! {
        #[test]
        fn any_text_is_read_as_before_and_attributes_keep_their_bytes(text in "[a-z<>&\"'/; x#0-9=]{0,40}") {
            let page = format!("<b class='{0}' id=\"{0}\">{0}</b>", escaped(&text));
            let made = lean(&page);
            let tag = format!("<b class='{0}' id=\"{0}\">", escaped(&text));
            let body = made.strip_prefix(&tag).and_then(|rest| rest.strip_suffix("</b>"));
            let body = body.expect("the tags are as they were");
            prop_assert!(!body.contains(['<', '>']));
            prop_assert_eq!(read(body), text);
        }
    }
}
