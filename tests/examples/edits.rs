//! `edit`, `private_edit` and `poke`: which byte of what they change.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use predicates::prelude::*;

use crate::support::{content, file, folder, folders, page_size, run, with_byte};

#[test]
fn edit_changes_one_byte_of_the_file_and_nothing_else() {
    let page = page_size();
    for folder in folders() {
        for offset in [0, 20, page - 1, page, page + 903] {
            let before = content(page + 904);
            let path = file(&folder, &before);
            let change = format!("byte {offset}: {} -> 200, then msync(MS_SYNC)", before[offset]);
            let on_page = format!("of page {}\n", offset / page);
            run(&format!("edit --offset {offset} --byte 200"), &path)
                .assert()
                .success()
                .stdout(predicate::str::contains(change).and(predicate::str::ends_with(on_page)));
            assert_eq!(fs::read(&path).unwrap(), with_byte(&before, offset, 200));
        }
    }
}

#[test]
fn edit_and_poke_store_9_at_20_where_nothing_else_is_asked() {
    for line in ["edit", "poke"] {
        let (folder, before) = (folder(), content(21));
        let path = file(&folder, &before);
        run(line, &path).assert().success();
        assert_eq!(fs::read(&path).unwrap(), with_byte(&before, 20, 9));
    }
}

#[test]
fn private_edit_changes_its_mapping_and_not_the_file() {
    for folder in folders() {
        let before = content(5000);
        let path = file(&folder, &before);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
        run("private_edit --offset 4999 --byte 9", &path).assert().success().stdout(format!(
            "mapping: byte 4999: {old} -> 9\nfile:    byte 4999: {old} -> {old}\n",
            old = before[4999],
        ));
        run("private_edit", &path).assert().success().stdout(predicate::str::starts_with(format!(
            "mapping: byte 20: {} -> {}\n",
            before[20],
            before[20].wrapping_add(1),
        )));
        assert_eq!(fs::read(&path).unwrap(), before);
    }
}

#[test]
fn poke_says_what_the_file_has_afterwards() {
    for folder in folders() {
        let path = file(&folder, &[7; 30]);
        run("poke --private --offset 3", &path).assert().success().stdout(
            predicate::str::starts_with("byte 3: 7 -> 9, MAP_PRIVATE")
                .and(predicate::str::ends_with("in the file: 7\n")),
        );
        assert_eq!(fs::read(&path).unwrap(), [7; 30]);
        run("poke --offset 3", &path).assert().success().stdout(
            predicate::str::starts_with("byte 3: 7 -> 9, MAP_SHARED")
                .and(predicate::str::ends_with("in the file: 9\n")),
        );
    }
}
