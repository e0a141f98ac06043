use super::{Image, headers, read};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;

const SOURCE: &str = "int DriverEntry(void *driver, void *path) { return 0; }\n";

const RESOURCE: &str = r#"1 VERSIONINFO
FILEVERSION 4,2,1,7
PRODUCTVERSION 4,2,0,0
BEGIN
  BLOCK "StringFileInfo"
  BEGIN
    BLOCK "040904b0"
    BEGIN
      VALUE "CompanyName", "Acme Ltd"
      VALUE "FileDescription", "Acme capture driver"
      VALUE "ProductName", "Acme Capture"
    END
  END
  BLOCK "VarFileInfo"
  BEGIN
    VALUE "Translation", 0x409, 1200
  END
END
"#;

/// Builds a driver with a version resource, or says that it cannot be built here.
///
/// With `STOPCODE_REQUIRE_CLANG=1` the absence of the tools is a failure.
fn driver(target: &str) -> Option<Vec<u8>> {
    let tools = ["clang", "lld-link", "llvm-rc"];
    let is_there = |tool: &str| Command::new(tool).arg("/?").output().is_ok();
    if let Some(tool) = tools.into_iter().find(|tool| !is_there(tool)) {
        let is_required = std::env::var("STOPCODE_REQUIRE_CLANG").is_ok_and(|value| value == "1");
        assert!(
            !is_required,
            "there is no {tool}, and STOPCODE_REQUIRE_CLANG is set"
        );
        let _ = writeln!(
            std::io::stdout(),
            "skipped: there is no {tool} to build a driver with"
        );
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.c"), SOURCE).unwrap();
    fs::write(folder.path().join("a.rc"), RESOURCE).unwrap();
    let target = format!("--target={target}");
    run(
        folder.path(),
        "clang",
        &[&target, "-ffreestanding", "-c", "a.c", "-o", "a.obj"],
    );
    run(
        folder.path(),
        "llvm-rc",
        &["/no-preprocess", "/fo", "a.res", "a.rc"],
    );
    let link = "/driver /subsystem:native /nodefaultlib /entry:DriverEntry /timestamp:1700000000 /safeseh:no /out:a.sys a.obj a.res";
    run(folder.path(), "lld-link", &link.split(' ').collect::<Vec<_>>());
    Some(fs::read(folder.path().join("a.sys")).unwrap())
}

fn run(folder: &Path, tool: &str, arguments: &[&str]) {
    let output = Command::new(tool)
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{tool} {arguments:?}: {said}");
}

fn read_bytes(bytes: &[u8]) -> Result<Image, &'static str> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.sys");
    fs::write(&path, bytes).unwrap();
    read(&path)
}

#[test]
fn a_driver_of_either_width_tells_identity_and_version() {
    for target in [
        "x86_64-pc-windows-msvc",
        "i686-pc-windows-msvc",
        "aarch64-pc-windows-msvc",
    ] {
        let Some(bytes) = driver(target) else {
            return;
        };
        let image = read_bytes(&bytes).unwrap();
        assert_eq!(image.time_date_stamp, Some(1_700_000_000), "{target}");
        assert!(
            image
                .size_of_image
                .is_some_and(|size| size > 0 && size % 0x1000 == 0)
        );
        assert_eq!(image.version.as_deref(), Some("4.2.1.7"), "{target}");
        assert_eq!(image.company.as_deref(), Some("Acme Ltd"));
        assert_eq!(image.product.as_deref(), Some("Acme Capture"));
        assert_eq!(image.description.as_deref(), Some("Acme capture driver"));
        assert_eq!(image.signer, None);
    }
}

/// Every byte of the headers and the resources, set to values that have broken readers before.
#[test]
fn a_damaged_driver_is_read_as_far_as_it_goes() {
    let Some(bytes) = driver("x86_64-pc-windows-msvc") else {
        return;
    };
    for at in 0..bytes.len() {
        for value in [0, 1, 0x7F, 0x80, 0xFF] {
            let mut damaged = bytes.clone();
            damaged[at] = value;
            let Some((mut image, directories)) = headers(&damaged) else {
                continue;
            };
            if let Some(section) = directories.resources
                && let Ok(offset) = usize::try_from(section.offset)
                && let Some(resources) = damaged.get(offset..)
            {
                super::version(&mut image, section, resources);
            }
        }
    }
}

#[test]
fn a_driver_that_is_cut_short_anywhere_is_no_crash() {
    let Some(bytes) = driver("x86_64-pc-windows-msvc") else {
        return;
    };
    for length in 0..bytes.len() {
        let _ = headers(&bytes[..length]);
        if length % 64 == 0 {
            let _ = read_bytes(&bytes[..length]);
        }
    }
}

#[test]
fn what_is_no_driver_is_refused_in_words() {
    assert_eq!(read_bytes(b"").unwrap_err(), "it is not a PE file");
    assert_eq!(read_bytes(&[b'M'; 5000]).unwrap_err(), "it is not a PE file");
    assert!(read(Path::new("/nonexistent")).is_err());
}
