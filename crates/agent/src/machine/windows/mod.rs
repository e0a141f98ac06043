//! The Windows this process runs on. The one module with `unsafe`: small and plain, to be checked by reading. What
//! talks to the service control manager is in `dispatcher`.
//!
//! Every function here is one call, or one loop of one call, of an API that Microsoft documents; what is made of the
//! answers is elsewhere and is tested on every platform. Nothing of this has been run; it is type-checked against
//! `windows-sys` on Linux too (`RUSTFLAGS="--cfg stopcode_check_windows" cargo check -p agent`), which is why it takes
//! its strings from `str` and uses nothing of `std::os::windows`.

#![expect(
    unsafe_code,
    reason = "the registry and the list of loaded drivers are to be had no other way"
)]

mod dispatcher;

use std::io;
use std::path::PathBuf;
use std::ptr;

use time::OffsetDateTime;
use windows_sys::Win32::Foundation::{
    ERROR_FILE_NOT_FOUND, ERROR_MORE_DATA, ERROR_NO_MORE_ITEMS, ERROR_PATH_NOT_FOUND, ERROR_SUCCESS,
};
use windows_sys::Win32::Storage::FileSystem::GetDiskFreeSpaceExW;
use windows_sys::Win32::System::ProcessStatus::{K32EnumDeviceDrivers, K32GetDeviceDriverFileNameW};
use windows_sys::Win32::System::Registry::{
    HKEY, HKEY_LOCAL_MACHINE, KEY_READ, KEY_WOW64_64KEY, REG_DWORD, REG_EXPAND_SZ, REG_MULTI_SZ, REG_SZ,
    RRF_NOEXPAND, RRF_RT_ANY, RRF_SUBKEY_WOW6464KEY, RegCloseKey, RegDeleteKeyValueW, RegEnumKeyExW,
    RegGetValueW, RegOpenKeyExW, RegSetKeyValueW,
};
use windows_sys::Win32::System::SystemInformation::GetTickCount64;

pub(crate) use self::dispatcher::run_as_service;
use super::{Machine, Value, path};

/// The machine this process runs on.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct WindowsMachine;

/// The longest value that is read, in bytes.
const VALUE_MOST: usize = 64 << 10;

/// The most drivers that are listed; machines have 150 to 400.
const DRIVERS_MOST: usize = 4096;

impl Machine for WindowsMachine {
    fn file(&self, windows_path: &str) -> PathBuf {
        let root = std::env::var("SystemRoot").unwrap_or_else(|_| r"C:\Windows".to_owned());
        PathBuf::from(path::full(windows_path, &root))
    }

    fn value(&self, key: &str, name: &str) -> io::Result<Option<Value>> {
        let (key, name) = (wide(key), wide(name));
        let mut data = vec![0_u8; VALUE_MOST];
        let mut size = u32::try_from(data.len()).unwrap_or(0);
        let mut kind = 0;
        // SAFETY: key and name end in a zero and live until the call returns; `data` has `size` bytes.
        let status = unsafe {
            RegGetValueW(
                HKEY_LOCAL_MACHINE,
                key.as_ptr(),
                name.as_ptr(),
                RRF_RT_ANY | RRF_NOEXPAND | RRF_SUBKEY_WOW6464KEY,
                &raw mut kind,
                data.as_mut_ptr().cast(),
                &raw mut size,
            )
        };
        match status {
            ERROR_SUCCESS => {}
            ERROR_FILE_NOT_FOUND | ERROR_PATH_NOT_FOUND => return Ok(None),
            ERROR_MORE_DATA => return Ok(Some(Value::Other)),
            error => return Err(failed(error)),
        }
        data.truncate(usize::try_from(size).unwrap_or(0));
        Ok(Some(decode(kind, &data)))
    }

    fn subkeys(&self, key: &str) -> io::Result<Vec<String>> {
        let Some(key) = OpenKey::open(key)? else {
            return Ok(Vec::new());
        };
        let mut names = Vec::new();
        for index in 0.. {
            let mut name = [0_u16; 256]; // a key's name has at most 255 characters
            let mut length = 256;
            // SAFETY: the key is open; `name` has room for `length` units; the other pointers may be null.
            let status = unsafe {
                RegEnumKeyExW(
                    key.0,
                    index,
                    name.as_mut_ptr(),
                    &raw mut length,
                    ptr::null(),
                    ptr::null_mut(),
                    ptr::null_mut(),
                    ptr::null_mut(),
                )
            };
            match status {
                ERROR_SUCCESS => names.push(text(&name)),
                ERROR_NO_MORE_ITEMS => break,
                error => return Err(failed(error)),
            }
        }
        Ok(names)
    }

    fn set_number(&self, key: &str, name: &str, number: u32) -> io::Result<()> {
        let (key, name) = (wide(key), wide(name));
        let data = number.to_le_bytes();
        // SAFETY: key and name end in a zero; a REG_DWORD has the four bytes of `data`.
        let status = unsafe {
            RegSetKeyValueW(
                HKEY_LOCAL_MACHINE,
                key.as_ptr(),
                name.as_ptr(),
                REG_DWORD,
                data.as_ptr().cast(),
                4,
            )
        };
        if status == ERROR_SUCCESS {
            Ok(())
        } else {
            Err(failed(status))
        }
    }

    fn remove_value(&self, key: &str, name: &str) -> io::Result<()> {
        let (key, name) = (wide(key), wide(name));
        // SAFETY: key and name end in a zero.
        let status = unsafe { RegDeleteKeyValueW(HKEY_LOCAL_MACHINE, key.as_ptr(), name.as_ptr()) };
        match status {
            ERROR_SUCCESS | ERROR_FILE_NOT_FOUND => Ok(()),
            error => Err(failed(error)),
        }
    }

    fn loaded_drivers(&self) -> io::Result<Option<Vec<String>>> {
        let mut bases = vec![ptr::null_mut(); DRIVERS_MOST];
        let size = u32::try_from(size_of_val(bases.as_slice())).unwrap_or(0);
        let mut needed = 0;
        // SAFETY: `bases` has `size` bytes.
        if unsafe { K32EnumDeviceDrivers(bases.as_mut_ptr(), size, &raw mut needed) } == 0 {
            return Err(io::Error::last_os_error());
        }
        let count = usize::try_from(needed).unwrap_or(0) / size_of::<*mut core::ffi::c_void>();
        let mut paths = Vec::new();
        for base in bases.into_iter().take(count) {
            let mut name = [0_u16; 1024];
            // SAFETY: `name` has room for 1024 units; a base that is no longer a driver's is answered with 0.
            if unsafe { K32GetDeviceDriverFileNameW(base, name.as_mut_ptr(), 1024) } != 0 {
                paths.push(text(&name));
            }
        }
        // Without the privilege to see kernel addresses all bases are null and nothing can be named.
        Ok(Some(paths).filter(|paths| !paths.is_empty()))
    }

    fn started_at(&self, now: OffsetDateTime) -> Option<OffsetDateTime> {
        // SAFETY: takes nothing and cannot fail.
        let milliseconds = unsafe { GetTickCount64() };
        let start = now - time::Duration::milliseconds(i64::try_from(milliseconds).ok()?);
        start.replace_millisecond(0).ok()
    }

    fn free_bytes(&self, windows_path: &str) -> Option<u64> {
        let path = self.file(windows_path);
        let folder = wide(path.parent()?.to_str()?);
        let mut free = 0;
        // SAFETY: the path ends in a zero; two of the three results are not asked for.
        let is_told =
            unsafe { GetDiskFreeSpaceExW(folder.as_ptr(), ptr::null_mut(), ptr::null_mut(), &raw mut free) };
        (is_told != 0).then_some(free)
    }
}

/// An open registry key; closed when dropped.
struct OpenKey(HKEY);

impl OpenKey {
    fn open(key: &str) -> io::Result<Option<Self>> {
        let key = wide(key);
        let mut open = ptr::null_mut();
        // SAFETY: the key ends in a zero; `open` is written only on success.
        let status = unsafe {
            RegOpenKeyExW(
                HKEY_LOCAL_MACHINE,
                key.as_ptr(),
                0,
                KEY_READ | KEY_WOW64_64KEY,
                &raw mut open,
            )
        };
        match status {
            ERROR_SUCCESS => Ok(Some(Self(open))),
            ERROR_FILE_NOT_FOUND | ERROR_PATH_NOT_FOUND => Ok(None),
            error => Err(failed(error)),
        }
    }
}

impl Drop for OpenKey {
    fn drop(&mut self) {
        // SAFETY: the key was opened by `open` and is closed once.
        let _ = unsafe { RegCloseKey(self.0) };
    }
}

fn decode(kind: u32, data: &[u8]) -> Value {
    let (units, _) = data.as_chunks::<2>();
    let units: Vec<u16> = units.iter().map(|unit| u16::from_le_bytes(*unit)).collect();
    match kind {
        REG_SZ | REG_EXPAND_SZ => Value::Text(text(&units)),
        REG_MULTI_SZ => {
            let texts = units.split(|unit| *unit == 0).filter(|text| !text.is_empty());
            Value::Texts(texts.map(String::from_utf16_lossy).collect())
        }
        REG_DWORD => data
            .first_chunk()
            .map_or(Value::Other, |bytes| Value::Number(u32::from_le_bytes(*bytes))),
        _ => Value::Other,
    }
}

fn wide(text: &str) -> Vec<u16> {
    text.encode_utf16().chain([0]).collect()
}

/// The text up to the first zero.
fn text(units: &[u16]) -> String {
    String::from_utf16_lossy(units.split(|unit| *unit == 0).next().unwrap_or_default())
}

fn failed(status: u32) -> io::Error {
    io::Error::from_raw_os_error(status.cast_signed())
}
