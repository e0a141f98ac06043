//! The frames that parent and child exchange, and how a child sends and receives them.

use std::io::{self, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags};

/// A letter and a length.
pub(super) const HEADER_BYTES: usize = 9;

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Analyse this dump.
    Analyse,
    /// Compile this symbol file.
    Compile,
    /// The file you asked for.
    File,
    /// You hold that file already.
    Held,
    /// There is no such file.
    Absent,
    /// The child is ready.
    Ready,
    /// Which of these files are there?
    Want,
    /// A report.
    Report,
    /// Why there is no report, or nothing compiled.
    Refusal,
    /// What was compiled.
    Compiled,
    /// The bytes of it.
    Contents,
}

const LETTERS: [(Kind, u8); 11] = [
    (Kind::Analyse, b'A'),
    (Kind::Compile, b'C'),
    (Kind::File, b'F'),
    (Kind::Held, b'H'),
    (Kind::Absent, b'N'),
    (Kind::Ready, b'S'),
    (Kind::Want, b'W'),
    (Kind::Report, b'R'),
    (Kind::Refusal, b'E'),
    (Kind::Compiled, b'K'),
    (Kind::Contents, b'B'),
];

impl Kind {
    fn letter(self) -> u8 {
        LETTERS
            .into_iter()
            .find_map(|(kind, letter)| (kind == self).then_some(letter))
            .unwrap_or_default()
    }

    fn of_letter(wanted: u8) -> Option<Kind> {
        LETTERS
            .into_iter()
            .find_map(|(kind, letter)| (letter == wanted).then_some(kind))
    }
}

/// The first bytes of a frame whose body has `length` bytes.
pub(super) fn header(kind: Kind, length: usize) -> [u8; HEADER_BYTES] {
    let mut header = [kind.letter(); HEADER_BYTES];
    let [_, rest @ ..] = &mut header;
    *rest = u64::try_from(length).unwrap_or(u64::MAX).to_le_bytes();
    header
}

/// What the first bytes of a frame say.
///
/// # Errors
///
/// When they are no frame's.
pub(super) fn parse(header: [u8; HEADER_BYTES]) -> io::Result<(Kind, u64)> {
    let [letter, length @ ..] = header;
    let kind = Kind::of_letter(letter).ok_or(io::ErrorKind::InvalidData)?;
    Ok((kind, u64::from_le_bytes(length)))
}

/// The child's end of the socket.
pub(super) struct Link {
    socket: UnixStream,
}

/// A frame that came: its body is yet to be read.
pub(super) struct Arrived {
    /// What it is.
    pub(super) kind: Kind,
    /// Bytes of its body.
    pub(super) length: u64,
    /// The file it carries.
    pub(super) file: Option<OwnedFd>,
}

impl Link {
    pub(super) fn new(socket: UnixStream) -> Link {
        Link { socket }
    }

    /// The next frame, or `None` when the other side is gone.
    pub(super) fn receive(&mut self) -> io::Result<Option<Arrived>> {
        let mut header = [0; HEADER_BYTES];
        let mut file = None;
        let mut filled = 0;
        while let Some(rest) = header.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            let (bytes, some) = receive_some(&self.socket, rest)?;
            file = some.or(file);
            match bytes {
                0 if filled == 0 => return Ok(None),
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                bytes => filled += bytes,
            }
        }
        let (kind, length) = parse(header)?;
        Ok(Some(Arrived { kind, length, file }))
    }

    /// The body of a frame, if it is not larger than `most`.
    pub(super) fn body(&mut self, length: u64, most: u64) -> io::Result<Vec<u8>> {
        if length > most {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let mut body = Vec::new();
        (&mut self.socket).take(length).read_to_end(&mut body)?;
        if u64::try_from(body.len()) != Ok(length) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(body)
    }

    /// Sends a frame.
    pub(super) fn send(&mut self, kind: Kind, body: &[u8]) -> io::Result<()> {
        self.socket.write_all(&header(kind, body.len()))?;
        self.socket.write_all(body)
    }
}

/// Some bytes, and the file that came with them.
fn receive_some(socket: &UnixStream, buffer: &mut [u8]) -> io::Result<(usize, Option<OwnedFd>)> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let received = loop {
        let mut parts = [IoSliceMut::new(buffer)];
        match rustix::net::recvmsg(socket, &mut parts, &mut ancillary, RecvFlags::CMSG_CLOEXEC) {
            Err(rustix::io::Errno::INTR) => {}
            received => break received?,
        }
    };
    let files = ancillary.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(files) => Some(files),
        _ => None,
    });
    let file = files.flatten().last();
    Ok((received.bytes, file))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (UnixStream, Link) {
        let (parent, child) = UnixStream::pair().unwrap();
        (parent, Link::new(child))
    }

    #[test]
    fn what_is_sent_is_received() {
        let (parent, mut child) = pair();
        let mut other = Link::new(parent);
        other.send(Kind::Want, b"[]").unwrap();
        let arrived = child.receive().unwrap().unwrap();
        assert_eq!((arrived.kind, arrived.length), (Kind::Want, 2));
        assert_eq!(child.body(arrived.length, 2).unwrap(), b"[]");
        drop(other);
        assert!(child.receive().unwrap().is_none());
    }

    #[test]
    fn a_frame_that_is_cut_short_too_large_or_of_no_kind_is_refused() {
        let (mut parent, mut child) = pair();
        parent.write_all(&header(Kind::Analyse, 3)).unwrap();
        parent.write_all(&[7, 8]).unwrap();
        drop(parent);
        let arrived = child.receive().unwrap().unwrap();
        assert!(child.body(arrived.length, 2).is_err(), "larger than allowed");
        assert!(child.body(arrived.length, 3).is_err(), "cut short");

        let (mut parent, mut child) = pair();
        parent.write_all(b"A\0\0").unwrap();
        drop(parent);
        assert!(child.receive().is_err());

        let (mut parent, mut child) = pair();
        parent.write_all(&[b'?'; HEADER_BYTES]).unwrap();
        assert!(child.receive().is_err());
    }
}
