//! An S3 backend of our own: one code over two media.
//!
//! [`Backend`] holds S3's semantics (conditions, checksums, multipart rules, listing); a [`Medium`] only keeps bytes:
//! [`FolderMedium`] as plain files for `landfall dev`, [`MemoryMedium`] for tests and the simulation. It is reached
//! in-process through [`LocalStore`] or over HTTP through [`serve`]. Loopback and development only: no users but
//! one, no versions, no encryption.

mod backend;
mod failure;
mod folder;
mod list;
mod local;
mod medium;
mod memory;
mod multipart;
mod names;
mod reply;
mod server;
mod service;

pub use backend::{Backend, Hook, Preconditions, PutInput};
pub use failure::Failure;
pub use folder::{Durability, FolderMedium};
pub use list::{Listing, ListingRequest};
pub use local::LocalStore;
pub use medium::{Cursor, Medium, ObjectMeta, ObjectReader, PartMeta, StoredOptions, UploadMeta};
pub use memory::MemoryMedium;
pub use multipart::PartClaim;
pub use server::{ServerHandle, serve};
