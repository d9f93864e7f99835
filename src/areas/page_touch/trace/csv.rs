//! What a line of CSV tells: `offset,length[,r|w]`.

use super::files::Files;
use super::{number, quoted};

/// Reads lines of one file; the first may be a heading.
///
/// # Errors
/// In a sentence, with the line: it is something else.
pub(super) fn read(text: &str, files: &mut Files) -> Result<(), String> {
    let file = files.nameless();
    for (index, line) in text.lines().enumerate() {
        let words: Vec<&str> = line.split(',').map(str::trim).collect();
        let told = match words[..] {
            [""] => Ok(None),
            [first, ..] if index == 0 && first.starts_with(|letter: char| letter.is_ascii_alphabetic()) => Ok(None),
            [at, len] | [at, len, "r" | "R" | "read" | "w" | "W" | "write"] => {
                number(at).and_then(|at| Ok(Some((at, number(len)?))))
            }
            _ => Err(format!("{} is not offset,length[,r|w]", quoted(line.trim()))),
        };
        match told.map_err(|why| format!("line {}: {why}", index + 1))? {
            None => files.lines += 1,
            Some(_) if matches!(words[..], [_, _, "w" | "W" | "write"]) => files.writes += 1,
            Some((at, len)) => files.read(file, at, len, index + 1),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::Trace;

    #[test]
    fn there_is_a_heading_or_none_and_any_order() {
        let trace = Trace::parse("offset,length\n8192,10\n 20 , 5 ,r\n30,5,w\n\r\n0,1").unwrap();
        let reads: Vec<(u64, u32)> = trace.reads.into_iter().map(Into::into).collect();
        assert_eq!(reads, [(8192, 10), (20, 5), (0, 1)]);
        assert_eq!((trace.file, trace.writes, trace.lines), (None, 1, 2));
    }
}
