//! The form for dumps: with every outcome, with none waiting, before anything was sent, hostile, without the right.

use uuid::Uuid;

use super::hostile;
use crate::pages::upload::{Facts, Sent, Stands};

fn sent(name: &str, stands: Stands) -> Sent {
    Sent {
        id: Uuid::from_u128(7),
        file_name: Some(name.to_owned()),
        size_bytes: 1_403_123,
        machine: Some("PC-0815".to_owned()),
        duplicate: Some(false),
        stands,
    }
}

fn crash(signature: &str) -> Stands {
    Stands::Crash {
        id: Uuid::from_u128(8),
        stop_code: Some("0x76".to_owned()),
        signature: signature.to_owned(),
    }
}

/// Pages of the form.
pub(crate) fn uploads() -> [Facts; 5] {
    let empty = Facts {
        limit_bytes: 64 << 20,
        may_send: true,
        ..Facts::default()
    };
    let known = Sent {
        duplicate: Some(true),
        machine: None,
        ..sent("112226-9375-01.dmp", crash("PROCESS_HAS_LOCKED_PAGES"))
    };
    let mixed = Facts {
        machine: "PC-0815".to_owned(),
        sent: vec![
            known.clone(),
            sent("a.dmp", Stands::Waiting),
            sent("b.dmp", Stands::Reading),
            sent(
                "c.dmp",
                Stands::Failed("the file ends inside its header".to_owned()),
            ),
            sent("d.dmp", Stands::Gone),
        ],
        refused: vec![(Some("notes.txt".to_owned()), "this is text: hello".to_owned())],
        more: 12,
        ..empty.clone()
    };
    let read = Facts {
        sent: vec![known],
        ..empty.clone()
    };
    let evil = Facts {
        limit_bytes: u64::MAX,
        machine: hostile(),
        problem: Some(hostile()),
        sent: vec![
            Sent {
                size_bytes: u64::MAX,
                machine: Some(hostile()),
                ..sent(&hostile(), crash(&hostile()))
            },
            sent(&hostile(), Stands::Failed(hostile())),
            sent("x", Stands::Waiting),
        ],
        refused: vec![(Some(hostile()), hostile()), (None, hostile())],
        ..empty.clone()
    };
    let may_not = Facts {
        may_send: false,
        ..empty.clone()
    };
    [mixed, read, empty, evil, may_not]
}
