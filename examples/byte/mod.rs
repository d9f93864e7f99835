//! The value of `--byte`, which `edit`, `private_edit` and `poke` take, and how they print a byte.

/// Parses one ASCII character, or `0x` and two hexadecimal digits. `9` is the character, 0x39: a
/// program that takes it for the number stores a tab.
pub fn parse(text: &str) -> Result<u8, String> {
    if let [byte] = text.as_bytes()
        && byte.is_ascii()
    {
        return Ok(*byte);
    }
    let digits = text.strip_prefix("0x").filter(|digits| digits.len() == 2);
    // `from_str_radix` would take the sign of `0x+9`.
    let digits = digits.filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
    digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()).ok_or_else(|| {
        "expected one ASCII character, such as 9, or 0x and two hexadecimal digits, such as 0x39".to_owned()
    })
}

/// Formats a printable ASCII character as `'9'`, any other byte as `0x09`.
pub fn shown(byte: u8) -> String {
    match byte {
        b' '..=b'~' => format!("'{}'", char::from(byte)),
        _ => format!("{byte:#04x}"),
    }
}
