//! Which market a command works with: the built-in one, or a folder that `--market` names.

use std::path::PathBuf;

use clap::Args;
use sycee_markets::MarketFiles;

use crate::output::Failure;

/// The market's files.
#[derive(Args)]
pub struct MarketArgs {
    /// Folder with the market's files, such as a changed copy of markets/gh [default: Ghana, built in]
    #[arg(long, value_name = "DIR")]
    market: Option<PathBuf>,
}

impl MarketArgs {
    /// Errors: `Input` with the file that is wrong, and what would be right.
    pub fn files(&self) -> Result<MarketFiles, Failure> {
        match &self.market {
            Some(folder) if !folder.join("market.yaml").is_file() => Err(Failure::input(format!(
                "--market: {} has no market.yaml: name a folder with a market's files, such as a copy of markets/gh",
                folder.display()
            ))),
            Some(folder) => MarketFiles::open(folder).map_err(|error| Failure::input(format!("--market: {error}"))),
            None => Ok(MarketFiles::ghana()),
        }
    }
}
