//! Running as a Windows service: the three calls that the service control manager wants, and one status.

use std::ptr;
use std::sync::OnceLock;

use windows_sys::Win32::Foundation::ERROR_SUCCESS;
use windows_sys::Win32::System::Services::{
    RegisterServiceCtrlHandlerExW, SERVICE_ACCEPT_SHUTDOWN, SERVICE_ACCEPT_STOP, SERVICE_CONTROL_INTERROGATE,
    SERVICE_CONTROL_SHUTDOWN, SERVICE_CONTROL_STOP, SERVICE_RUNNING, SERVICE_STATUS,
    SERVICE_STATUS_CURRENT_STATE, SERVICE_STATUS_HANDLE, SERVICE_STOP_PENDING, SERVICE_STOPPED,
    SERVICE_TABLE_ENTRYW, SERVICE_WIN32_OWN_PROCESS, SetServiceStatus, StartServiceCtrlDispatcherW,
};
use windows_sys::core::PWSTR;

use super::wide;
use crate::clock::Stop;

/// What the service control manager's threads need: there is one service a process.
struct Service {
    stop: Stop,
    run: Box<dyn Fn() + Send + Sync>,
    status: OnceLock<Status>,
}

/// A handle that may be used from any thread; it is never closed.
struct Status(SERVICE_STATUS_HANDLE);

// SAFETY: `SetServiceStatus` may be called with the handle from every thread.
unsafe impl Send for Status {}
// SAFETY: as above.
unsafe impl Sync for Status {}

static SERVICE: OnceLock<Service> = OnceLock::new();

/// Runs `run` as the Windows service of this process until it ends; `stop` is asked for when the service is to stop.
///
/// `false` if the process was not started by the service control manager: then nothing was run.
pub(crate) fn run_as_service(stop: Stop, run: Box<dyn Fn() + Send + Sync>) -> bool {
    let service = Service {
        stop,
        run,
        status: OnceLock::new(),
    };
    if SERVICE.set(service).is_err() {
        return false;
    }
    let mut name = wide(crate::service::NAME);
    let table = [
        SERVICE_TABLE_ENTRYW {
            lpServiceName: name.as_mut_ptr(),
            lpServiceProc: Some(service_main),
        },
        SERVICE_TABLE_ENTRYW {
            lpServiceName: ptr::null_mut(),
            lpServiceProc: None,
        },
    ];
    // SAFETY: the table ends in an empty entry and, with the name, lives until the call returns, when all has ended.
    unsafe { StartServiceCtrlDispatcherW(table.as_ptr()) != 0 }
}

unsafe extern "system" fn service_main(_count: u32, _arguments: *mut PWSTR) {
    let Some(service) = SERVICE.get() else {
        return;
    };
    let name = wide(crate::service::NAME);
    // SAFETY: the name ends in a zero; the handler is a function and needs no context.
    let handle = unsafe { RegisterServiceCtrlHandlerExW(name.as_ptr(), Some(handle_control), ptr::null()) };
    if handle.is_null() {
        return;
    }
    let _ = service.status.set(Status(handle));
    tell(service, SERVICE_RUNNING);
    (service.run)();
    tell(service, SERVICE_STOPPED);
}

unsafe extern "system" fn handle_control(
    control: u32,
    _event: u32,
    _data: *mut core::ffi::c_void,
    _context: *mut core::ffi::c_void,
) -> u32 {
    const NOT_IMPLEMENTED: u32 = 120; // ERROR_CALL_NOT_IMPLEMENTED
    match (control, SERVICE.get()) {
        (SERVICE_CONTROL_INTERROGATE, _) => ERROR_SUCCESS,
        (SERVICE_CONTROL_STOP | SERVICE_CONTROL_SHUTDOWN, Some(service)) => {
            tell(service, SERVICE_STOP_PENDING);
            service.stop.ask();
            ERROR_SUCCESS
        }
        _ => NOT_IMPLEMENTED,
    }
}

fn tell(service: &Service, state: SERVICE_STATUS_CURRENT_STATE) {
    let Some(Status(handle)) = service.status.get() else {
        return;
    };
    let accepted = if state == SERVICE_RUNNING {
        SERVICE_ACCEPT_STOP | SERVICE_ACCEPT_SHUTDOWN
    } else {
        0
    };
    let status = SERVICE_STATUS {
        dwServiceType: SERVICE_WIN32_OWN_PROCESS,
        dwCurrentState: state,
        dwControlsAccepted: accepted,
        dwWin32ExitCode: 0,
        dwServiceSpecificExitCode: 0,
        dwCheckPoint: 0,
        dwWaitHint: if state == SERVICE_STOP_PENDING { 30_000 } else { 0 },
    };
    // SAFETY: the handle is the service's own; the status lives until the call returns.
    let _ = unsafe { SetServiceStatus(*handle, &raw const status) };
}
