//! `watch`: what it sees of its file, and what the file may do meanwhile.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::support::{Beside, content, file, folder, folders, page_size, run};

/// The line that `watch` prints of a content.
fn shown(content: &[u8]) -> String {
    format!("{} bytes: \"{}\"", content.len(), content.escape_ascii())
}

fn watch(path: &Path, more: &[&str]) -> Beside {
    Beside::start("watch", &[&[path.to_str().unwrap(), "--interval", "1"], more].concat())
}

#[test]
fn watch_sees_what_poke_edit_and_write_change_and_never_a_private_poke() {
    for folder in folders() {
        let mut now = content(5000);
        let path = file(&folder, &now);
        let watch = watch(&path, &["--changes", "3"]);
        assert_eq!(watch.line(), shown(&now));

        // Were it seen, it would be in each content that follows.
        run("poke --offset 4096 --byte M --private", &path).assert().success();
        run("poke --offset 4999 --byte 0x00", &path).assert().success();
        now[4999] = 0;
        assert_eq!(watch.line(), shown(&now));

        run("edit --byte !", &path).assert().success();
        now[20] = b'!';
        assert_eq!(watch.line(), shown(&now));

        let other = OpenOptions::new().write(true).open(&path).unwrap();
        other.write_all_at(b"!", 0).unwrap();
        now[0] = b'!';
        assert_eq!(watch.line(), shown(&now));
        assert_eq!(watch.end(), (Some(0), String::new()));
        assert_eq!(fs::read(&path).unwrap(), now);
    }
}

#[test]
fn watch_prints_every_byte_of_the_file_and_none_behind_it() {
    let page = page_size();
    for len in [1, page - 1, page, page + 1] {
        for content in [vec![b'x'; len], vec![0; len]] {
            let folder = folder();
            let path = file(&folder, &content);
            let line = shown(&content) + "\n";
            run("watch --changes 0", &path).assert().success().stdout(line);
        }
    }
}

#[test]
fn watch_follows_a_file_that_grows_and_shrinks() {
    for folder in folders() {
        let path = file(&folder, b"");
        let watch = watch(&path, &["--changes", "4"]);
        assert_eq!(watch.line(), shown(b""));
        let mut other = OpenOptions::new().append(true).open(&path).unwrap();
        other.write_all(b"abc\0").unwrap();
        assert_eq!(watch.line(), shown(b"abc\0"));
        other.set_len(1).unwrap();
        assert_eq!(watch.line(), shown(b"a"));
        other.write_all(&[b'z'; 9000]).unwrap();
        assert_eq!(watch.line(), shown(&[b"a".as_slice(), &[b'z'; 9000]].concat()));
        other.set_len(0).unwrap();
        assert_eq!(watch.line(), shown(b""));
        assert_eq!(watch.end(), (Some(0), String::new()));
    }
}

#[test]
fn watch_survives_a_file_cut_short_while_it_looks() {
    for folder in folders() {
        let path = file(&folder, &[]);
        let watch = watch(&path, &[]);
        let other = OpenOptions::new().write(true).open(&path).unwrap();
        for _ in 0..20_000 {
            other.set_len(100_000).unwrap();
            other.set_len(0).unwrap();
        }
        other.write_all_at(b"the end", 0).unwrap();
        while watch.line() != shown(b"the end") {}
    }
}

#[test]
fn watch_ends_when_its_file_is_deleted() {
    let folder = folder();
    let path = file(&folder, b"short-lived");
    let watch = watch(&path, &[]);
    watch.line();
    fs::remove_file(&path).unwrap();
    let (code, said) = watch.end();
    assert_eq!(code, Some(1));
    assert!(said.starts_with("watch: ") && said.ends_with("was deleted or replaced: start again\n"), "{said}");
}
