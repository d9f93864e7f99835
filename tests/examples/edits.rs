//! `edit`, `private_edit` and `poke`: which byte of what they change.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use predicates::prelude::*;

use crate::support::{content, file, folder, folders, page_size, run, shown, with_byte};

#[test]
fn edit_changes_one_byte_of_the_file_and_nothing_else() {
    let page = page_size();
    for folder in folders() {
        for offset in [0, 20, page - 1, page, page + 903] {
            let before = content(page + 904);
            let path = file(&folder, &before);
            let change = format!("byte {offset}: {} -> 0xc8, then msync(MS_SYNC)", shown(before[offset]));
            let on_page = format!("of page {}\n", offset / page);
            run(&format!("edit --offset {offset} --byte 0xc8"), &path)
                .assert()
                .success()
                .stdout(predicate::str::contains(change).and(predicate::str::ends_with(on_page)));
            assert_eq!(fs::read(&path).unwrap(), with_byte(&before, offset, 0xc8));
        }
    }
}

#[test]
fn edit_and_poke_store_the_character_9_at_20_where_nothing_else_is_asked() {
    for line in ["edit", "poke"] {
        let (folder, before) = (folder(), content(21));
        let path = file(&folder, &before);
        run(line, &path).assert().success();
        assert_eq!(fs::read(&path).unwrap(), with_byte(&before, 20, b'9'));
    }
}

#[test]
fn a_byte_is_one_ascii_character_or_two_hexadecimal_digits() {
    let values = [("9", b'9'), ("x", b'x'), ("0", b'0'), ("~", b'~'), ("0x00", 0), ("0x09", 9), ("0xfF", 0xff)];
    for program in ["edit", "poke"] {
        for (typed, stored) in values {
            let (folder, before) = (folder(), content(21));
            let path = file(&folder, &before);
            run(&format!("{program} --byte {typed}"), &path)
                .assert()
                .success()
                .stdout(predicate::str::contains(format!(" -> {}, ", shown(stored))));
            assert_eq!(fs::read(&path).unwrap(), with_byte(&before, 20, stored), "{program} --byte {typed}");
        }
    }
}

#[test]
fn private_edit_changes_its_mapping_and_not_the_file() {
    for folder in folders() {
        let before = content(5000);
        let path = file(&folder, &before);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
        run("private_edit --offset 4999 --byte 9", &path).assert().success().stdout(format!(
            "mapping: byte 4999: {old} -> '9'\nfile:    byte 4999: {old} -> {old}\n",
            old = shown(before[4999]),
        ));
        run("private_edit", &path).assert().success().stdout(predicate::str::starts_with(format!(
            "mapping: byte 20: {} -> {}\n",
            shown(before[20]),
            shown(before[20].wrapping_add(1)),
        )));
        assert_eq!(fs::read(&path).unwrap(), before);
    }
}

#[test]
fn poke_says_what_the_file_has_afterwards() {
    for folder in folders() {
        let path = file(&folder, b"seven of these");
        run("poke --private --offset 3", &path).assert().success().stdout(
            predicate::str::starts_with("byte 3: 'e' -> '9', MAP_PRIVATE")
                .and(predicate::str::ends_with("in the file: 'e'\n")),
        );
        assert_eq!(fs::read(&path).unwrap(), b"seven of these");
        run("poke --offset 3", &path).assert().success().stdout(
            predicate::str::starts_with("byte 3: 'e' -> '9', MAP_SHARED")
                .and(predicate::str::ends_with("in the file: '9'\n")),
        );
    }
}
