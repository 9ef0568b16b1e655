//! A SQLite file system that loses power.
//!
//! Database, WAL and journal are kept in memory over the real file: reads see every write, the real file sees what was
//! synced. When the power goes, every call fails; then [`Power::restore`] lets a random part of what was not synced reach
//! the real file, out of order and torn, as a disk does.
//!
//! Invariant: what was synced is on the real file. Invariant: nothing reaches it after the power is gone but by `restore`.

#![allow(unsafe_code, reason = "SQLite's file systems are tables of C functions")]

use std::collections::BTreeMap;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::io::{Seek, SeekFrom, Write};
use std::mem::size_of;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::ffi;
use sycee_psp::SplitMix64;

/// A change of a file that was not synced.
enum Change {
    Write { at: usize, bytes: Vec<u8> },
    Truncate(usize),
}

/// A file as its readers see it, and how it differs from the real one.
struct Image {
    current: Vec<u8>,
    unsynced: Vec<Change>,
}

impl Image {
    fn write(&mut self, at: usize, bytes: &[u8]) {
        let end = at + bytes.len();
        if self.current.len() < end {
            self.current.resize(end, 0);
        }
        self.current[at..end].copy_from_slice(bytes);
        self.unsynced.push(Change::Write { at, bytes: bytes.to_vec() });
    }

    fn truncate(&mut self, size: usize) {
        self.current.resize(size, 0);
        self.unsynced.push(Change::Truncate(size));
    }
}

struct World {
    files: BTreeMap<String, Image>,
    open: u32,
    writes_left: Option<u64>,
    lost: bool,
    random: SplitMix64,
}

impl World {
    /// Counts a change; false when the power is gone.
    fn spend(&mut self) -> bool {
        match &mut self.writes_left {
            Some(0) => self.lost = true,
            Some(left) => *left -= 1,
            None => {}
        }
        !self.lost
    }
}

struct Shared {
    base: *mut ffi::sqlite3_vfs,
    world: Mutex<World>,
}

impl Shared {
    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An open file of this file system; the real file lies behind it in the same allocation.
#[repr(C)]
struct Handle {
    head: ffi::sqlite3_file,
    shared: *const Shared,
    /// Name of a file that is kept in memory; null for others, which go to the real file.
    name: *mut String,
}

/// The power of a file system.
pub struct Power {
    shared: &'static Shared,
}

impl Power {
    /// Registers a file system under `name`, for the life of the process.
    pub fn plug_in(name: &str, seed: u64) -> Self {
        // SAFETY: SQLite's default file system is a valid table for the life of the process; it is copied, and the copy, its
        // name and the state it points to are leaked, so that they live as long.
        unsafe {
            assert_eq!(ffi::sqlite3_initialize(), ffi::SQLITE_OK);
            let base = ffi::sqlite3_vfs_find(std::ptr::null());
            assert!(!base.is_null(), "SQLite has a default file system");
            let world = World {
                files: BTreeMap::new(),
                open: 0,
                writes_left: None,
                lost: false,
                random: SplitMix64::new(seed),
            };
            let shared: *mut Shared = Box::leak(Box::new(Shared { base, world: Mutex::new(world) }));
            let mut vfs = *base;
            vfs.szOsFile += size_of::<Handle>() as c_int;
            vfs.pNext = std::ptr::null_mut();
            vfs.zName = CString::new(name).expect("a name without zeros").into_raw();
            vfs.pAppData = shared.cast();
            vfs.xOpen = Some(open);
            vfs.xDelete = Some(delete);
            vfs.xAccess = Some(access);
            assert_eq!(ffi::sqlite3_vfs_register(Box::leak(Box::new(vfs)), 0), ffi::SQLITE_OK);
            Self { shared: &*shared }
        }
    }

    /// The power goes with the change of a file that comes after so many.
    pub fn goes_after(&self, changes: u64) {
        self.shared.world().writes_left = Some(changes);
    }

    /// Whether it is gone.
    pub fn is_gone(&self) -> bool {
        self.shared.world().lost
    }

    /// Ends the life of the machine, with or without power, and begins another: of what was not synced a random part is on
    /// the real files. Answers how many changes there were, and how many of them stayed.
    pub fn restore(&self) -> (usize, usize) {
        let mut world = self.shared.world();
        assert_eq!(world.open, 0, "files are still open");
        let files = std::mem::take(&mut world.files);
        let (mut unsynced, mut stayed) = (0, 0);
        for (name, image) in files {
            unsynced += image.unsynced.len();
            let kept = survivors(&mut world.random, image.unsynced);
            stayed += kept.len();
            apply(&name, &kept);
        }
        world.writes_left = None;
        world.lost = false;
        (unsynced, stayed)
    }
}

/// What of unsynced changes reaches the disk: nothing, the first of them, any of them, any of them and one torn.
fn survivors(random: &mut SplitMix64, changes: Vec<Change>) -> Vec<Change> {
    let way = random.below(4);
    let first = random.below(changes.len() as u64 + 1) as usize;
    let mut kept: Vec<Change> = match way {
        0 => Vec::new(),
        1 => changes.into_iter().take(first).collect(),
        _ => changes.into_iter().filter(|_| random.below(2) == 0).collect(),
    };
    if way == 3
        && let Some(Change::Write { bytes, .. }) = kept.last_mut()
    {
        let torn = random.below(bytes.len() as u64 + 1) as usize;
        bytes.truncate(torn);
    }
    kept
}

fn apply(name: &str, changes: &[Change]) {
    if changes.is_empty() {
        return;
    }
    let mut file = std::fs::OpenOptions::new().write(true).open(name).expect("a file that was open");
    for change in changes {
        match change {
            Change::Write { at, bytes } => {
                file.seek(SeekFrom::Start(*at as u64)).and_then(|_| file.write_all(bytes)).expect("a disk with room");
            }
            Change::Truncate(size) => file.set_len(*size as u64).expect("a disk with room"),
        }
    }
}

static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};

/// The real file behind a handle, and its functions.
///
/// # Safety
/// `file` must be a file that [`open`] opened.
unsafe fn real(file: *mut ffi::sqlite3_file) -> (*mut ffi::sqlite3_file, &'static ffi::sqlite3_io_methods) {
    // SAFETY: `open` had the real file opened right behind the handle, where SQLite allocated `szOsFile` bytes; its functions
    // are a static table of SQLite's.
    unsafe {
        let inner = file.cast::<u8>().add(size_of::<Handle>()).cast::<ffi::sqlite3_file>();
        (inner, &*(*inner).pMethods)
    }
}

/// The world and, for a file that is kept in memory, its name.
///
/// # Safety
/// `file` must be a file that [`open`] opened.
unsafe fn parts<'a>(file: *mut ffi::sqlite3_file) -> (&'a Shared, Option<&'a String>) {
    // SAFETY: `open` filled the handle; `shared` lives for ever, the name until `close`.
    unsafe {
        let handle = &*file.cast::<Handle>();
        (&*handle.shared, handle.name.as_ref())
    }
}

/// Calls a function of the real file, by field name.
macro_rules! pass_on {
    ($file:expr, $function:ident $(, $argument:expr)*) => {{
        // SAFETY: SQLite calls with a file of ours and arguments that are valid for the real file as well.
        unsafe {
            let (inner, methods) = real($file);
            match methods.$function {
                Some(function) => function(inner $(, $argument)*),
                None => ffi::SQLITE_IOERR,
            }
        }
    }};
}

unsafe extern "C" fn open(
    vfs: *mut ffi::sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    // SAFETY: SQLite calls with the table that `plug_in` registered, a zero-terminated name or null, and `szOsFile` bytes at
    // `file`, of which the handle takes the first.
    unsafe {
        (*file).pMethods = std::ptr::null();
        let shared = &*(*vfs).pAppData.cast::<Shared>();
        if shared.world().lost {
            return ffi::SQLITE_CANTOPEN;
        }
        let inner = file.cast::<u8>().add(size_of::<Handle>()).cast::<ffi::sqlite3_file>();
        (*inner).pMethods = std::ptr::null();
        let Some(open_real) = (*shared.base).xOpen else { return ffi::SQLITE_CANTOPEN };
        let code = open_real(shared.base, name, inner, flags, out_flags);
        if code != ffi::SQLITE_OK {
            return code;
        }
        let handle = file.cast::<Handle>();
        (*handle).shared = shared;
        (*handle).name = std::ptr::null_mut();
        (*handle).head.pMethods = &METHODS;
        let kept = ffi::SQLITE_OPEN_MAIN_DB | ffi::SQLITE_OPEN_WAL | ffi::SQLITE_OPEN_MAIN_JOURNAL;
        let mut world = shared.world();
        world.open += 1;
        if flags & kept != 0 && !name.is_null() {
            let name = CStr::from_ptr(name).to_string_lossy().into_owned();
            if !world.files.contains_key(&name) {
                let Some(current) = content(file) else { return ffi::SQLITE_IOERR_READ };
                world.files.insert(name.clone(), Image { current, unsynced: Vec::new() });
            }
            (*handle).name = Box::into_raw(Box::new(name));
        }
        ffi::SQLITE_OK
    }
}

/// What is on the real file. Through SQLite's own descriptor: closing another one would give up the process' locks.
///
/// # Safety
/// `file` must be a file that [`open`] opened.
unsafe fn content(file: *mut ffi::sqlite3_file) -> Option<Vec<u8>> {
    let mut size = 0;
    if pass_on!(file, xFileSize, &mut size) != ffi::SQLITE_OK {
        return None;
    }
    let mut bytes = vec![0u8; usize::try_from(size).ok()?];
    let length = c_int::try_from(bytes.len()).ok()?;
    let read = length == 0 || pass_on!(file, xRead, bytes.as_mut_ptr().cast(), length, 0) == ffi::SQLITE_OK;
    read.then_some(bytes)
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    let code = pass_on!(file, xClose);
    // SAFETY: SQLite closes a file once; the name came from `Box::into_raw` in `open`.
    unsafe {
        let handle = file.cast::<Handle>();
        (*(*handle).shared).world().open -= 1;
        if !(*handle).name.is_null() {
            drop(Box::from_raw((*handle).name));
        }
        (*handle).head.pMethods = std::ptr::null();
    }
    code
}

/// Runs `body` on the image of a file that is kept in memory, while there is power; `None` for other files.
///
/// # Safety
/// `file` must be a file that [`open`] opened.
unsafe fn with_image(
    file: *mut ffi::sqlite3_file,
    changes: bool,
    failure: c_int,
    body: impl FnOnce(&mut Image) -> c_int,
) -> Option<c_int> {
    // SAFETY: as the caller says.
    let (shared, name) = unsafe { parts(file) };
    let name = name?;
    let mut world = shared.world();
    let alive = if changes { world.spend() } else { !world.lost };
    match world.files.get_mut(name) {
        Some(image) if alive => Some(body(image)),
        _ => Some(failure),
    }
}

unsafe extern "C" fn read(file: *mut ffi::sqlite3_file, into: *mut c_void, length: c_int, at: i64) -> c_int {
    let copy = |image: &mut Image| {
        let (start, length) = (usize::try_from(at).unwrap_or(usize::MAX), usize::try_from(length).unwrap_or(0));
        // SAFETY: SQLite gives `length` writable bytes at `into`.
        let into = unsafe { std::slice::from_raw_parts_mut(into.cast::<u8>(), length) };
        let there = image.current.get(start..).unwrap_or_default();
        let there = &there[..there.len().min(length)];
        into[..there.len()].copy_from_slice(there);
        into[there.len()..].fill(0);
        if there.len() < length { ffi::SQLITE_IOERR_SHORT_READ } else { ffi::SQLITE_OK }
    };
    // SAFETY: SQLite calls with a file of ours.
    let done = unsafe { with_image(file, false, ffi::SQLITE_IOERR_READ, copy) };
    done.unwrap_or_else(|| pass_on!(file, xRead, into, length, at))
}

unsafe extern "C" fn write(file: *mut ffi::sqlite3_file, from: *const c_void, length: c_int, at: i64) -> c_int {
    let copy = |image: &mut Image| {
        // SAFETY: SQLite gives `length` readable bytes at `from`.
        let bytes = unsafe { std::slice::from_raw_parts(from.cast::<u8>(), usize::try_from(length).unwrap_or(0)) };
        image.write(usize::try_from(at).unwrap_or(0), bytes);
        ffi::SQLITE_OK
    };
    // SAFETY: SQLite calls with a file of ours.
    let done = unsafe { with_image(file, true, ffi::SQLITE_IOERR_WRITE, copy) };
    done.unwrap_or_else(|| pass_on!(file, xWrite, from, length, at))
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, size: i64) -> c_int {
    let cut = |image: &mut Image| {
        image.truncate(usize::try_from(size).unwrap_or(0));
        ffi::SQLITE_OK
    };
    // SAFETY: SQLite calls with a file of ours.
    let done = unsafe { with_image(file, true, ffi::SQLITE_IOERR_TRUNCATE, cut) };
    done.unwrap_or_else(|| pass_on!(file, xTruncate, size))
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, flags: c_int) -> c_int {
    let settle = |image: &mut Image| {
        for change in image.unsynced.drain(..) {
            let code = match change {
                Change::Write { at, bytes } => {
                    pass_on!(file, xWrite, bytes.as_ptr().cast(), bytes.len() as c_int, at as i64)
                }
                Change::Truncate(size) => pass_on!(file, xTruncate, size as i64),
            };
            if code != ffi::SQLITE_OK {
                return code;
            }
        }
        ffi::SQLITE_OK
    };
    // SAFETY: SQLite calls with a file of ours.
    let done = unsafe { with_image(file, true, ffi::SQLITE_IOERR_FSYNC, settle) };
    done.unwrap_or_else(|| pass_on!(file, xSync, flags))
}

unsafe extern "C" fn file_size(file: *mut ffi::sqlite3_file, size: *mut i64) -> c_int {
    let tell = |image: &mut Image| {
        // SAFETY: SQLite gives a place for the size.
        unsafe { *size = image.current.len() as i64 };
        ffi::SQLITE_OK
    };
    // SAFETY: SQLite calls with a file of ours.
    let done = unsafe { with_image(file, false, ffi::SQLITE_IOERR_FSTAT, tell) };
    done.unwrap_or_else(|| pass_on!(file, xFileSize, size))
}

unsafe extern "C" fn delete(vfs: *mut ffi::sqlite3_vfs, name: *const c_char, sync_folder: c_int) -> c_int {
    // SAFETY: SQLite calls with the table that `plug_in` registered and a zero-terminated name.
    unsafe {
        let shared = &*(*vfs).pAppData.cast::<Shared>();
        let mut world = shared.world();
        if world.lost {
            return ffi::SQLITE_IOERR_DELETE;
        }
        world.files.remove(CStr::from_ptr(name).to_string_lossy().as_ref());
        (*shared.base).xDelete.map_or(ffi::SQLITE_IOERR_DELETE, |delete| delete(shared.base, name, sync_folder))
    }
}

unsafe extern "C" fn access(vfs: *mut ffi::sqlite3_vfs, name: *const c_char, flags: c_int, out: *mut c_int) -> c_int {
    // SAFETY: SQLite calls with the table that `plug_in` registered, a zero-terminated name and a place for the answer.
    unsafe {
        let shared = &*(*vfs).pAppData.cast::<Shared>();
        if flags == ffi::SQLITE_ACCESS_EXISTS
            && let Some(image) = shared.world().files.get(CStr::from_ptr(name).to_string_lossy().as_ref())
        {
            *out = c_int::from(!image.current.is_empty());
            return ffi::SQLITE_OK;
        }
        (*shared.base).xAccess.map_or(ffi::SQLITE_IOERR_ACCESS, |access| access(shared.base, name, flags, out))
    }
}

unsafe extern "C" fn lock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    pass_on!(file, xLock, level)
}

unsafe extern "C" fn unlock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    pass_on!(file, xUnlock, level)
}

unsafe extern "C" fn check_reserved_lock(file: *mut ffi::sqlite3_file, out: *mut c_int) -> c_int {
    pass_on!(file, xCheckReservedLock, out)
}

/// Hints about sizes would reach the real file: nothing is taken.
unsafe extern "C" fn file_control(_file: *mut ffi::sqlite3_file, _operation: c_int, _argument: *mut c_void) -> c_int {
    ffi::SQLITE_NOTFOUND
}

unsafe extern "C" fn sector_size(file: *mut ffi::sqlite3_file) -> c_int {
    pass_on!(file, xSectorSize)
}

/// A torn write damages no byte beside it, which is all that a disk promises here.
unsafe extern "C" fn device_characteristics(_file: *mut ffi::sqlite3_file) -> c_int {
    ffi::SQLITE_IOCAP_POWERSAFE_OVERWRITE
}

unsafe extern "C" fn shm_map(
    file: *mut ffi::sqlite3_file,
    page: c_int,
    size: c_int,
    extend: c_int,
    out: *mut *mut c_void,
) -> c_int {
    pass_on!(file, xShmMap, page, size, extend, out)
}

unsafe extern "C" fn shm_lock(file: *mut ffi::sqlite3_file, offset: c_int, count: c_int, flags: c_int) -> c_int {
    pass_on!(file, xShmLock, offset, count, flags)
}

unsafe extern "C" fn shm_barrier(file: *mut ffi::sqlite3_file) {
    // SAFETY: SQLite calls with a file of ours.
    unsafe {
        let (inner, methods) = real(file);
        if let Some(barrier) = methods.xShmBarrier {
            barrier(inner);
        }
    }
}

unsafe extern "C" fn shm_unmap(file: *mut ffi::sqlite3_file, delete: c_int) -> c_int {
    pass_on!(file, xShmUnmap, delete)
}
