//! Who signed a file: the name in the certificate that the signature itself points to.
//!
//! The certificate table holds a PKCS#7 `SignedData` (RFC 2315). Of it only the path to the name is walked, in DER:
//!
//! ```text
//! ContentInfo { OID, [0] SignedData { version, digests, content, [0] certificates, …, signers } }
//! signers     { SignerInfo { version, { issuer, serial }, … } }
//! certificate { { [0] version, serial, algorithm, issuer, validity, subject, … }, … }
//! ```
//!
//! Nothing is verified: this is what the file says, not what is true. Files that are signed by a catalogue only (most
//! of Windows' own) have no name here.

/// Tags of DER.
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const INTEGER: u8 = 0x02;
const OBJECT_ID: u8 = 0x06;
const CONTEXT_0: u8 = 0xA0;

/// 2.5.4.3, `commonName`.
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];

/// The most certificates that are looked at.
const CERTIFICATES_MOST: usize = 32;

/// The signer's common name, from the bytes of the certificate directory.
pub(super) fn of_certificates(table: &[u8]) -> Option<String> {
    // WIN_CERTIFICATE: length, revision, type (2 is PKCS#7), then the bytes.
    let length = usize::try_from(u32::from_le_bytes(*table.first_chunk()?)).ok()?;
    let is_pkcs7 = table.get(6..8)? == [2, 0];
    let bytes = table.get(8..length.min(table.len())).filter(|_| is_pkcs7)?;
    let mut content = Der(bytes).inner(SEQUENCE)?;
    content.inner(OBJECT_ID)?;
    let mut data = content.inner(CONTEXT_0)?.inner(SEQUENCE)?;
    data.inner(INTEGER)?;
    data.inner(SET)?;
    data.inner(SEQUENCE)?;
    let mut certificates = data.inner(CONTEXT_0)?;
    let mut signers = loop {
        let (tag, inner) = data.next()?; // there may be revocation lists in between
        if tag == SET {
            break inner;
        }
    };
    let mut info = signers.inner(SEQUENCE)?;
    info.inner(INTEGER)?;
    let mut wanted = info.inner(SEQUENCE)?;
    let (issuer, serial) = (wanted.inner(SEQUENCE)?, wanted.inner(INTEGER)?);
    for _ in 0..CERTIFICATES_MOST {
        let certificate = certificates.inner(SEQUENCE)?.inner(SEQUENCE)?;
        if let Some(subject) = subject(certificate, issuer, serial) {
            return common_name(subject);
        }
    }
    None
}

/// The subject of a certificate, if it is the one with this issuer and serial number.
fn subject<'a>(mut certificate: Der<'a>, issuer: Der<'_>, serial: Der<'_>) -> Option<Der<'a>> {
    if certificate.0.first() == Some(&CONTEXT_0) {
        certificate.next()?;
    }
    let is_serial = certificate.inner(INTEGER)? == serial;
    certificate.inner(SEQUENCE)?;
    let is_issuer = certificate.inner(SEQUENCE)? == issuer;
    certificate.inner(SEQUENCE)?;
    let subject = certificate.inner(SEQUENCE)?;
    (is_serial && is_issuer).then_some(subject)
}

fn common_name(mut subject: Der<'_>) -> Option<String> {
    loop {
        let mut attribute = subject.inner(SET)?.inner(SEQUENCE)?;
        if attribute.inner(OBJECT_ID)? == Der(COMMON_NAME) {
            let (tag, name) = attribute.next()?;
            return Some(text(tag, name.0));
        }
    }
}

/// A text by its type: 0x1E is UTF-16 with the high byte first, the others are UTF-8 or a part of it.
fn text(tag: u8, bytes: &[u8]) -> String {
    if tag != 0x1E {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    let (units, _) = bytes.as_chunks::<2>();
    let units: Vec<u16> = units.iter().map(|unit| u16::from_be_bytes(*unit)).collect();
    String::from_utf16_lossy(&units)
}

/// A run of DER elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    /// The tag and content of the next element.
    fn next(&mut self) -> Option<(u8, Der<'a>)> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = if first < 0x80 {
            (usize::from(first), rest)
        } else {
            let digits = rest
                .get(..usize::from(first & 0x7F))
                .filter(|digits| digits.len() <= 4)?;
            let length = digits
                .iter()
                .fold(0_u32, |length, digit| (length << 8) | u32::from(*digit));
            (usize::try_from(length).ok()?, rest.get(digits.len()..)?)
        };
        let content = rest.get(..length)?;
        self.0 = rest.get(length..)?;
        Some((tag, Der(content)))
    }

    /// The content of the next element, if it has this tag.
    fn inner(&mut self, tag: u8) -> Option<Der<'a>> {
        let (found, content) = self.next()?;
        (found == tag).then_some(content)
    }
}

#[cfg(test)]
mod tests {
    use super::of_certificates;

    fn der(tag: u8, parts: &[Vec<u8>]) -> Vec<u8> {
        let content = parts.concat();
        let length = content.len();
        let mut bytes = vec![tag];
        match u8::try_from(length) {
            Ok(length) if length < 0x80 => bytes.push(length),
            _ => bytes.extend([
                0x82,
                u8::try_from(length >> 8).unwrap(),
                u8::try_from(length & 0xFF).unwrap(),
            ]),
        }
        bytes.extend(content);
        bytes
    }

    fn name(common: &str) -> Vec<u8> {
        let attribute = der(
            0x30,
            &[der(0x06, &[vec![0x55, 4, 3]]), der(0x0C, &[common.into()])],
        );
        der(0x30, &[der(0x31, &[attribute])])
    }

    fn certificate(serial: u8, subject: &str) -> Vec<u8> {
        let version = der(0xA0, &[der(2, &[vec![2]])]);
        let validity = der(0x30, &[]);
        let to_be_signed = [
            version,
            der(2, &[vec![serial]]),
            der(0x30, &[]),
            name("Root"),
            validity,
            name(subject),
        ];
        der(0x30, &[der(0x30, &to_be_signed)])
    }

    /// A certificate table whose second certificate is the signer's.
    fn table() -> Vec<u8> {
        let certificates = der(0xA0, &[certificate(1, "Some CA"), certificate(2, "Acme Ltd")]);
        let signer = der(
            0x30,
            &[der(2, &[vec![1]]), der(0x30, &[name("Root"), der(2, &[vec![2]])])],
        );
        let data = [
            der(2, &[vec![1]]),
            der(0x31, &[]),
            der(0x30, &[]),
            certificates,
            der(0x31, &[signer]),
        ];
        let data = der(0xA0, &[der(0x30, &data)]);
        let info = der(0x30, &[der(6, &[vec![42]]), data]);
        let mut table = u32::try_from(info.len() + 8).unwrap().to_le_bytes().to_vec();
        table.extend([0, 2, 2, 0]);
        table.extend(info);
        table
    }

    #[test]
    fn the_certificate_that_the_signature_points_to_names_the_signer() {
        assert_eq!(of_certificates(&table()).as_deref(), Some("Acme Ltd"));
    }

    #[test]
    fn a_damaged_table_names_nobody_or_somebody_and_never_panics() {
        let whole = table();
        for at in 0..whole.len() {
            assert_eq!(of_certificates(&whole[..at]), None, "{at}");
            for value in [0, 0x7F, 0x84, 0xFF] {
                let mut damaged = whole.clone();
                damaged[at] = value;
                let _ = of_certificates(&damaged);
            }
        }
    }
}
