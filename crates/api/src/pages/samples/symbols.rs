//! Symbol files: missing, uploaded, and just sent.

use uuid::Uuid;
use wire::symbols::{
    HelpedStopCode, MissingSymbolFile, RefusedSymbol, SymbolFile, SymbolKind, SymbolState, UploadedSymbol,
    UploadedSymbols,
};

use super::{NOW, code, hostile};
use crate::pages::symbols::Facts;

fn missing(name: &str, crashes: u64) -> MissingSymbolFile {
    MissingSymbolFile {
        name: name.to_owned(),
        key: format!("{name}/0D8333E61046000/{name}"),
        kind: SymbolKind::Image,
        crashes,
        machines: crashes / 2,
        crashes_ever: crashes.saturating_mul(2),
        machines_ever: crashes,
        stop_codes: vec![
            HelpedStopCode {
                code: code(0x7e),
                crashes,
            },
            HelpedStopCode {
                code: code(0xd1),
                crashes: 1,
            },
        ],
        uploaded: None,
    }
}

fn file(name: &str, state: SymbolState, reason: Option<&str>) -> SymbolFile {
    SymbolFile {
        id: Uuid::nil(),
        kind: SymbolKind::Debug,
        key: format!("{name}/1C19FDDB27BB3399D9B45973EFEAFCF31/{name}"),
        file_name: name.replace(".pdb", ".pd_"),
        sha256: "ab".repeat(32),
        size_bytes: 412_160,
        state,
        reason: reason.map(str::to_owned),
        debug_key: None,
        uploaded_at: NOW,
    }
}

/// Symbol pages: usual, empty, just after an archive was sent, hostile.
pub(crate) fn symbol_pages() -> [Facts; 4] {
    let empty = Facts {
        window_days: 91,
        ..Facts::default()
    };
    let mut asked = missing("acmecap.sys", 12);
    asked.uploaded = Some(SymbolState::Failed);
    let reason = "the CAB claims 4 GiB, more than the 512 MiB allowed";
    let usual = Facts {
        missing: vec![missing("ntoskrnl.exe", 1870), asked],
        next_missing: Some("x".to_owned()),
        files: vec![
            file("amdppm.pdb", SymbolState::Ready, None),
            file("acmecap.pdb", SymbolState::Failed, Some(reason)),
            file("other.pdb", SymbolState::Queued, None),
        ],
        next_files: Some("x".to_owned()),
        state: Some(SymbolState::Failed),
        may_send: true,
        ..empty.clone()
    };
    let refused = RefusedSymbol {
        path: "symbols/pingme.txt".to_owned(),
        reason: "its path does not end in name/id/file, as in a symbol store".to_owned(),
    };
    let sent = Facts {
        sent: Some(UploadedSymbols {
            files: vec![UploadedSymbol {
                id: Uuid::nil(),
                kind: SymbolKind::Image,
                key: "a.sys/1/a.sys".to_owned(),
                file_name: "a.sys".to_owned(),
                sha256: "ab".repeat(32),
                size_bytes: 1,
                duplicate: false,
            }],
            refused: vec![refused; 30],
        }),
        ..usual.clone()
    };
    let mut evil_file = file(&hostile(), SymbolState::Failed, Some(&hostile()));
    evil_file.size_bytes = u64::MAX;
    evil_file.key = hostile();
    let evil = Facts {
        missing: vec![MissingSymbolFile {
            key: hostile(),
            crashes: u64::MAX,
            machines: u64::MAX,
            crashes_ever: u64::MAX,
            ..missing(&hostile(), u64::MAX)
        }],
        next_missing: Some(hostile()),
        files: vec![evil_file],
        next_files: Some(hostile()),
        sent: Some(UploadedSymbols {
            files: Vec::new(),
            refused: vec![RefusedSymbol {
                path: hostile(),
                reason: hostile(),
            }],
        }),
        ..usual.clone()
    };
    [usual, empty, sent, evil]
}
