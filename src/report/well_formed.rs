//! For tests: is this text well-formed, every element closed in its turn?

/// Panics unless every tag of `markup` is closed by its own, every attribute is quoted and named once, every `&` begins a
/// reference and no `<` stands in text. Void elements must close themselves, as in XML; the document type is passed over.
pub fn check(markup: &str) {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = markup;
    while let Some(at) = rest.find('<') {
        check_references(&rest[..at]);
        rest = &rest[at..];
        if rest.starts_with("<!") {
            rest = rest.split_once('>').expect("a declaration ends").1;
            continue;
        }
        let end = end_of_tag(rest);
        let tag = &rest[1..end];
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name.trim()), "a tag closes what is not open");
        } else if let Some(inner) = tag.strip_suffix('/') {
            check_attributes(inner);
        } else {
            let name = check_attributes(tag);
            open.push(name);
            if name == "style" {
                rest = &rest[rest.find("</style").expect("style ends")..];
            }
        }
    }
    check_references(rest);
    assert!(open.is_empty(), "left open: {open:?}");
}

/// Where the tag that `text` begins with has its `>`: not one within quotes.
fn end_of_tag(text: &str) -> usize {
    let mut quoted = false;
    for (at, letter) in text.char_indices() {
        match letter {
            '"' => quoted = !quoted,
            '>' if !quoted => return at,
            '<' if at > 0 => panic!("a < within a tag: {}", &text[..at.min(200)]),
            _ => {}
        }
    }
    panic!("a tag that does not end: {text}");
}

fn check_attributes(tag: &str) -> &str {
    let (name, mut rest) = tag.split_once(char::is_whitespace).unwrap_or((tag, ""));
    assert!(
        !name.is_empty() && name.chars().all(|letter| letter.is_ascii_alphanumeric()),
        "no name of an element: {tag:?}"
    );
    let mut seen = Vec::new();
    while !rest.trim().is_empty() {
        let (key, after) = rest
            .trim_start()
            .split_once("=\"")
            .unwrap_or_else(|| panic!("an attribute without a quoted value: {tag:?}"));
        let (value, after) = after.split_once('"').unwrap_or_else(|| panic!("an open quote: {tag:?}"));
        assert!(!seen.contains(&key) && !key.contains(char::is_whitespace), "attribute {key:?} of {tag:?}");
        check_references(value);
        seen.push(key);
        rest = after;
    }
    name
}

fn check_references(text: &str) {
    for (at, _) in text.match_indices('&') {
        let name = text[at + 1..].split_once(';').map_or("", |(name, _)| name);
        let fine = !name.is_empty()
            && name.len() < 10
            && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '#');
        assert!(fine, "a bare & in {text:?}");
    }
}

#[test]
fn what_is_not_well_formed_is_found() {
    check("<!doctype html><p class=\"a\">one &amp; two<br/></p>");
    for wrong in ["<p>", "<p></b>", "<p a=b></p>", "<p>a & b</p>", "<p a=\"1\" a=\"2\"></p>", "a < b <p></p>"] {
        assert!(std::panic::catch_unwind(|| check(wrong)).is_err(), "{wrong} passed");
    }
}
