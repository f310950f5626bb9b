//! SeekStorm as a peer of anpsearch: the same text, the same analysis, timed by the same protocol.
//!
//!     seekstorm-peer build DOCS.jsonl INDEX [THREADS]
//!     seekstorm-peer bench INDEX QUERIES.tsv COMMAND,… [REPEATS [BUDGET_US]]
//!     seekstorm-peer query INDEX        COMMAND, a tab and a query on each line of standard input
//!
//! Text, analysis and output are those of ../tantivy/src/main.rs. SeekStorm's own splitters keep
//! `_`, `-` and `#` inside words, so the driver splits and lower-cases (maximal runs of letters and
//! digits) and hands over words with blanks between; SeekStorm's stemmer for English does the rest.
//! One shard, so one thread a query; n-gram lists, its frequent-word pairs, are off, as all peers
//! index single words. It reads no more than 65,535 words of a document. Nothing stored but the id.
use std::borrow::Cow;
use std::collections::HashSet;
use std::error::Error;
use std::fs::File;
use std::future::{Future, poll_fn};
use std::io::{BufRead, BufReader, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::task::Poll;
use std::time::Instant;

use seekstorm::commit::Commit;
use seekstorm::index::{
    AccessType, Clustering, Close, Document as Fields, DocumentCompression, FileType,
    FrequentwordType, IndexArc, IndexDocument, IndexMetaObject, LexicalSimilarity, NgramSet,
    SchemaField, StemmerType, StopwordType, TokenizerType, create_index, open_index,
};
use seekstorm::search::{
    QueryRewriting, QueryType, ResultObject, ResultType, Search, SearchMode,
};
use seekstorm::vector::Inference;

type Outcome<T> = Result<T, Box<dyn Error>>;

const READ_BYTES: usize = 1 << 20;
const SCHEMA: &str = r#"[
    {"field": "id", "field_type": "Text", "store": true, "index_lexical": false},
    {"field": "text", "field_type": "Text", "store": false, "index_lexical": true}]"#;

/// One line of the corpus; the body has the names that anpsearch takes, too.
#[derive(serde::Deserialize)]
struct Document<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow, default)]
    title: Cow<'a, str>,
    #[serde(borrow, default, alias = "text", alias = "content")]
    body: Cow<'a, str>,
}

/// Appends the words of `text`, lower-cased, a blank after each.
fn append_words(text: &str, out: &mut String) {
    for word in text.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()) {
        out.push_str(&word.to_lowercase());
        out.push(' ');
    }
}

// ---- build -----------------------------------------------------------------------------------

fn meta() -> IndexMetaObject {
    IndexMetaObject {
        id: 0,
        name: "peer".into(),
        lexical_similarity: LexicalSimilarity::Bm25f,
        tokenizer: TokenizerType::Whitespace,
        stemmer: StemmerType::English,
        stop_words: StopwordType::None,
        frequent_words: FrequentwordType::None,
        ngram_indexing: NgramSet::SingleTerm as u8,
        document_compression: DocumentCompression::Snappy,
        access_type: AccessType::Mmap,
        spelling_correction: None,
        query_completion: None,
        clustering: Clustering::None,
        inference: Inference::None,
        segment_number_bits: 11,
    }
}

/// The largest resident set of this process so far, in bytes.
fn peak_bytes() -> Outcome<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|l| l.starts_with("VmHWM:")).ok_or("no VmHWM")?;
    let number = line.split_whitespace().nth(1).ok_or("no number in VmHWM")?;
    Ok(number.parse::<u64>()? * 1024)
}

fn folder_bytes(folder: &Path) -> Outcome<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let about = entry.metadata()?;
        bytes += if about.is_dir() { folder_bytes(&entry.path())? } else { about.len() };
    }
    Ok(bytes)
}

async fn build(corpus: &str, folder: &str) -> Outcome<()> {
    let folder = Path::new(folder);
    if folder.exists() {
        return Err(format!("{} is there already", folder.display()).into());
    }
    let start = Instant::now();
    let schema: Vec<SchemaField> = serde_json::from_str(SCHEMA)?;
    let index = create_index(folder, meta(), &schema, &Vec::new(), true, Some(1)).await?;
    let mut reader = BufReader::with_capacity(READ_BYTES, File::open(corpus)?);
    let (mut line, mut documents, mut raw_bytes) = (String::new(), 0u64, 0u64);
    while reader.read_line(&mut line)? > 0 {
        let document: Document = serde_json::from_str(&line)?;
        documents += 1;
        raw_bytes += (document.title.len() + 1 + document.body.len()) as u64;
        let mut words = String::with_capacity(document.title.len() + document.body.len() + 16);
        append_words(&document.title, &mut words);
        append_words(&document.body, &mut words);
        let mut fields = Fields::default();
        fields.insert("id".into(), document.id.as_ref().into());
        fields.insert("text".into(), words.into());
        index.index_document(fields, FileType::None).await;
        line.clear();
    }
    index.commit().await;
    let seconds = start.elapsed().as_secs_f64();
    index.close().await;
    let megabytes = raw_bytes as f64 / 1e6;
    let report = serde_json::json!({
        "peer": "SeekStorm 4.0.1",
        "docs": documents,
        "raw_bytes": raw_bytes,
        "commit_seconds": seconds,
        "seconds": seconds,
        "mb_per_s": megabytes / seconds,
        "peak_bytes": peak_bytes()?,
        "index_bytes": folder_bytes(folder)?,
    });
    println!("{report}");
    Ok(())
}

// ---- queries ---------------------------------------------------------------------------------

struct Command {
    kind: ResultType,
    k: usize,
}

fn command_of(name: &str) -> Outcome<Command> {
    if name == "COUNT" {
        return Ok(Command { kind: ResultType::Count, k: 0 });
    }
    let rest = name.strip_prefix("TOP_").ok_or_else(|| format!("no command {name}"))?;
    Ok(match rest.strip_suffix("_COUNT") {
        Some(k) => Command { kind: ResultType::TopkCount, k: k.parse()? },
        None => Command { kind: ResultType::Topk, k: rest.parse()? },
    })
}

/// None where SeekStorm panics: it does for some queries with a `-`.
async fn answer(index: &IndexArc, command: &Command, query: &str) -> Option<ResultObject> {
    let mut search = std::pin::pin!(index.search(
        query.to_lowercase(),
        None,
        QueryType::Union,
        SearchMode::Lexical,
        false,
        0,
        command.k,
        command.kind.clone(),
        false,
        Vec::new(),
        Vec::new(),
        Vec::new(),
        Vec::new(),
        QueryRewriting::SearchOnly,
    ));
    poll_fn(|context| {
        match catch_unwind(AssertUnwindSafe(|| search.as_mut().poll(context))) {
            Ok(poll) => poll.map(Some),
            Err(_) => Poll::Ready(None),
        }
    })
    .await
}

/// -1: it could not say.
fn found(command: &Command, got: &Option<ResultObject>) -> i64 {
    match (got, &command.kind) {
        (None, _) => -1,
        (Some(got), ResultType::Topk) => got.results.len() as i64,
        (Some(got), _) => got.result_count_total as i64,
    }
}

/// As the other drivers: for each command a pass to warm up, then each query REPEATS times, or
/// (after three) until BUDGET_US are spent on it: the least counts.
async fn bench(
    folder: &str, queries: &str, commands: &str, repeats: usize, budget_us: f64,
) -> Outcome<()> {
    let index = open_index(Path::new(folder)).await?;
    let queries = std::fs::read_to_string(queries)?;
    let mut out = std::io::stdout().lock();
    for name in commands.split(',') {
        let command = command_of(name)?;
        for (_, query) in queries.lines().filter_map(|line| line.split_once('\t')) {
            answer(&index, &command, query).await;
        }
        for (tag, query) in queries.lines().filter_map(|line| line.split_once('\t')) {
            let (mut least, mut spent, mut count) = (f64::MAX, 0.0, 0i64);
            for run in 0..repeats {
                if run >= 3 && spent > budget_us {
                    break;
                }
                let start = Instant::now();
                let got = answer(&index, &command, query).await;
                let us = start.elapsed().as_secs_f64() * 1e6;
                (least, spent, count) = (us.min(least), spent + us, found(&command, &got));
            }
            writeln!(out, "{name}\t{tag}\t{query}\t{count}\t{least:.3}")?;
        }
    }
    Ok(())
}

/// Answers line by line: the total where there is one, then `id:score` of each hit.
async fn serve(folder: &str) -> Outcome<()> {
    let index = open_index(Path::new(folder)).await?;
    for line in std::io::stdin().lines() {
        let line = line?;
        let (name, query) = line.split_once('\t').ok_or("no tab between command and query")?;
        let command = command_of(name)?;
        let got = answer(&index, &command, query).await;
        let mut words = Vec::new();
        if command.kind != ResultType::Topk {
            words.push(found(&command, &got).to_string());
        }
        for hit in got.iter().flat_map(|got| &got.results) {
            let reader = index.read().await;
            let fields = reader
                .get_document(hit.doc_id, false, &None, &HashSet::from(["id".into()]), &[])
                .await?;
            let id = fields.get("id").and_then(|v| v.as_str()).unwrap_or("?");
            words.push(format!("{id}:{:.5}", hit.score));
        }
        println!("{}", words.join("\t"));
    }
    Ok(())
}

async fn run(words: &[&str]) -> Outcome<()> {
    match *words {
        ["build", corpus, folder] | ["build", corpus, folder, _] => build(corpus, folder).await,
        ["bench", folder, queries, commands] => bench(folder, queries, commands, 10, 1e6).await,
        ["bench", folder, queries, commands, n] => {
            bench(folder, queries, commands, n.parse()?, 1e6).await
        }
        ["bench", folder, queries, commands, n, us] => {
            bench(folder, queries, commands, n.parse()?, us.parse()?).await
        }
        ["query", folder] => serve(folder).await,
        _ => Err("usage: seekstorm-peer build|bench|query …, see the top of src/main.rs".into()),
    }
}

fn main() -> Outcome<()> {
    std::panic::set_hook(Box::new(|_| ())); // see answer()
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(run(&words))
}
