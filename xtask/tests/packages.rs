//! Packages with PostgreSQL's programs: only what is expected is taken.
#![allow(clippy::unwrap_used)]
#![allow(missing_docs)]

use xtask::packages::Package;

fn report(file: &str, integrity: &str) -> String {
    serde_json::json!([{ "filename": file, "integrity": integrity }]).to_string()
}

#[test]
fn only_majors_with_a_package_can_be_fetched() {
    for major in [16, 17, 18] {
        let package = Package::of_major(major).expect("this platform has packages");
        assert!(package.specification().contains(&format!("@{major}.")), "{}", package.specification());
    }
    assert_eq!(Package::of_major(14), None);
}

#[test]
fn another_checksum_or_a_file_elsewhere_is_refused() {
    let package = Package::of_major(18).expect("this platform has packages");
    let refused = package.checked(&report("a.tgz", "sha512-AAAA")).unwrap_err().to_string();
    assert!(refused.contains("is not what it was: its checksum is sha512-AAAA"), "{refused}");
    let expected = refused.rsplit(' ').next().unwrap();
    assert_eq!(package.checked(&report("a.tgz", expected)).unwrap(), "a.tgz");
    for wrong in [report("../a.tgz", expected), "[]".to_owned(), "npm".to_owned(), r#"[{"filename":"a"}]"#.to_owned()] {
        assert!(package.checked(&wrong).is_err(), "{wrong}");
    }
}
