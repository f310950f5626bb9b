//! tantivy as a peer of anpsearch: the same text, the same analysis, timed by the same protocol.
//!
//!     tantivy-peer build DOCS.jsonl INDEX [THREADS [MEMORY_MB]]
//!     tantivy-peer bench INDEX QUERIES.tsv COMMAND,… [REPEATS [BUDGET_US]]
//!     tantivy-peer query INDEX          COMMAND, a tab and a query on each line of standard input
//!
//! The text of a document is its title, a newline, its body: what `anpsearch index --analyzer plain
//! --title-weight 1` takes for one. Maximal runs of letters and digits, lower-cased, stemmed by
//! Snowball's English; no stop words; positions indexed; nothing stored but the id.
//!
//! `build` prints one JSON object. MB are 10^6 bytes of that text, so both sides have the same
//! numerator. `seconds` ends when there is one segment; `commit_seconds` when all is committed and
//! searchable, before the merge to one. Commands of `bench` and `query`: COUNT, TOP_k, TOP_k_COUNT.
use std::borrow::Cow;
use std::error::Error;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::time::Instant;
use tantivy::collector::{Count, TopDocs};
use tantivy::query::QueryParser;
use tantivy::schema::{
    IndexRecordOption, Schema, TextFieldIndexing, TextOptions, Value, STORED, STRING,
};
use tantivy::tokenizer::{Language, LowerCaser, SimpleTokenizer, Stemmer, TextAnalyzer};
use tantivy::{doc, Index, IndexWriter, Searcher, TantivyDocument};

type Outcome<T> = Result<T, Box<dyn Error>>;

const ANALYZER: &str = "plain";
const READ_BYTES: usize = 1 << 20;

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

fn plain() -> TextAnalyzer {
    TextAnalyzer::builder(SimpleTokenizer::default())
        .filter(LowerCaser)
        .filter(Stemmer::new(Language::English))
        .build()
}

fn schema() -> Schema {
    let indexing = TextFieldIndexing::default()
        .set_tokenizer(ANALYZER)
        .set_index_option(IndexRecordOption::WithFreqsAndPositions);
    let mut schema = Schema::builder();
    schema.add_text_field("id", STRING | STORED);
    schema.add_text_field("text", TextOptions::default().set_indexing_options(indexing));
    schema.build()
}

// ---- build -----------------------------------------------------------------------------------

/// What went in: documents, and bytes of their text.
#[derive(Default)]
struct Fed {
    documents: u64,
    raw_bytes: u64,
}

fn feed(writer: &mut IndexWriter, schema: &Schema, corpus: &str) -> Outcome<Fed> {
    let (id, text) = (schema.get_field("id")?, schema.get_field("text")?);
    let mut reader = BufReader::with_capacity(READ_BYTES, File::open(corpus)?);
    let mut line = String::new();
    let mut fed = Fed::default();
    while reader.read_line(&mut line)? > 0 {
        let document: Document = serde_json::from_str(&line)?;
        let mut joined = String::with_capacity(document.title.len() + document.body.len() + 1);
        joined.push_str(&document.title);
        joined.push('\n');
        joined.push_str(&document.body);
        fed.documents += 1;
        fed.raw_bytes += joined.len() as u64;
        writer.add_document(doc!(id => document.id.as_ref(), text => joined))?;
        line.clear();
    }
    Ok(fed)
}

/// All that is there in one segment; says how many there were.
fn merge_all(index: &Index, memory: usize) -> Outcome<usize> {
    let segments = index.searchable_segment_ids()?;
    if segments.len() > 1 {
        let mut writer: IndexWriter = index.writer_with_num_threads(1, memory)?;
        writer.merge(&segments).wait()?;
        writer.garbage_collect_files().wait()?;
        writer.wait_merging_threads()?;
    }
    Ok(segments.len())
}

/// The largest resident set of this process so far, in bytes.
fn peak_bytes() -> Outcome<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|l| l.starts_with("VmHWM:")).ok_or("no VmHWM")?;
    let number = line.split_whitespace().nth(1).ok_or("no number in VmHWM")?;
    Ok(number.parse::<u64>()? * 1024)
}

fn folder_bytes(folder: &str) -> Outcome<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder)? {
        bytes += entry?.metadata()?.len();
    }
    Ok(bytes)
}

fn build(corpus: &str, folder: &str, threads: usize, memory: usize) -> Outcome<()> {
    if Path::new(folder).exists() {
        return Err(format!("{folder} is there already").into());
    }
    std::fs::create_dir_all(folder)?;
    let start = Instant::now();
    let index = Index::create_in_dir(folder, schema())?;
    index.tokenizers().register(ANALYZER, plain());
    let mut writer: IndexWriter = index.writer_with_num_threads(threads, memory)?;
    let fed = feed(&mut writer, &index.schema(), corpus)?;
    writer.commit()?;
    let commit_seconds = start.elapsed().as_secs_f64();
    writer.wait_merging_threads()?;
    let segments = merge_all(&index, memory)?;
    let seconds = start.elapsed().as_secs_f64();
    let megabytes = fed.raw_bytes as f64 / 1e6;
    let report = serde_json::json!({
        "peer": "tantivy 0.27.0",
        "docs": fed.documents,
        "raw_bytes": fed.raw_bytes,
        "threads": threads,
        "memory_bytes": memory,
        "commit_seconds": commit_seconds,
        "commit_mb_per_s": megabytes / commit_seconds,
        "segments_at_commit": segments,
        "seconds": seconds,
        "mb_per_s": megabytes / seconds,
        "peak_bytes": peak_bytes()?,
        "index_bytes": folder_bytes(folder)?,
    });
    println!("{report}");
    Ok(())
}

// ---- queries ---------------------------------------------------------------------------------

struct Opened {
    searcher: Searcher,
    parser: QueryParser,
}

fn open(folder: &str) -> Outcome<Opened> {
    let index = Index::open_in_dir(folder)?;
    index.tokenizers().register(ANALYZER, plain());
    let parser = QueryParser::for_index(&index, vec![index.schema().get_field("text")?]);
    Ok(Opened { searcher: index.reader()?.searcher(), parser })
}

enum Command {
    Count,
    Top(usize),
    TopCount(usize),
}

fn command_of(name: &str) -> Outcome<Command> {
    if name == "COUNT" {
        return Ok(Command::Count);
    }
    let rest = name.strip_prefix("TOP_").ok_or_else(|| format!("no command {name}"))?;
    Ok(match rest.strip_suffix("_COUNT") {
        Some(k) => Command::TopCount(k.parse()?),
        None => Command::Top(rest.parse()?),
    })
}

struct Answer {
    total: Option<usize>,
    hits: Vec<(f32, tantivy::DocAddress)>,
}

fn answer(opened: &Opened, command: &Command, query: &str) -> Outcome<Answer> {
    let query = opened.parser.parse_query(query)?;
    let searcher = &opened.searcher;
    Ok(match command {
        Command::Count => Answer { total: Some(query.count(searcher)?), hits: Vec::new() },
        Command::Top(k) => {
            let top = TopDocs::with_limit(*k).order_by_score();
            Answer { total: None, hits: searcher.search(&query, &top)? }
        }
        Command::TopCount(k) => {
            let top = TopDocs::with_limit(*k).order_by_score();
            let (hits, total) = searcher.search(&query, &(top, Count))?;
            Answer { total: Some(total), hits }
        }
    })
}

/// For each command a pass to warm up, then each query REPEATS times, or (after three) until
/// BUDGET_US are spent on it: the least counts.
/// QUERIES.tsv: a tag, a tab, a query. Prints command, tag, query, what was found, µs.
fn bench(
    folder: &str, queries: &str, commands: &str, repeats: usize, budget_us: f64,
) -> Outcome<()> {
    let opened = open(folder)?;
    let queries = std::fs::read_to_string(queries)?;
    let queries: Vec<_> = queries.lines().filter_map(|line| line.split_once('\t')).collect();
    let out = std::io::stdout();
    let mut out = out.lock();
    for name in commands.split(',') {
        let command = command_of(name)?;
        for (_, query) in &queries {
            answer(&opened, &command, query)?;
        }
        for (tag, query) in &queries {
            let (mut least, mut spent, mut found) = (f64::MAX, 0.0, 0);
            for run in 0..repeats {
                if run >= 3 && spent > budget_us {
                    break;
                }
                let start = Instant::now();
                let got = answer(&opened, &command, query)?;
                let us = start.elapsed().as_secs_f64() * 1e6;
                (least, spent) = (us.min(least), spent + us);
                found = got.total.unwrap_or(got.hits.len());
            }
            writeln!(out, "{name}\t{tag}\t{query}\t{found}\t{least:.3}")?;
        }
    }
    Ok(())
}

/// Answers line by line: the total where there is one, then `id:score` of each hit.
fn serve(folder: &str) -> Outcome<()> {
    let opened = open(folder)?;
    let id = opened.searcher.schema().get_field("id")?;
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let (name, query) = line.split_once('\t').ok_or("no tab between command and query")?;
        let got = answer(&opened, &command_of(name)?, query)?;
        let mut words: Vec<String> = got.total.iter().map(usize::to_string).collect();
        for (score, address) in got.hits {
            let document: TantivyDocument = opened.searcher.doc(address)?;
            let name = document.get_first(id).and_then(|v| v.as_str()).unwrap_or("?");
            words.push(format!("{name}:{score:.5}"));
        }
        println!("{}", words.join("\t"));
    }
    Ok(())
}

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["build", corpus, folder] => build(corpus, folder, 1, 1_000_000_000),
        ["build", corpus, folder, threads] => {
            let threads: usize = threads.parse()?;
            build(corpus, folder, threads, threads * 1_000_000_000)
        }
        ["build", corpus, folder, threads, memory] => {
            build(corpus, folder, threads.parse()?, memory.parse::<usize>()? * 1_000_000)
        }
        ["bench", folder, queries, commands] => bench(folder, queries, commands, 10, 1e6),
        ["bench", folder, queries, commands, n] => {
            bench(folder, queries, commands, n.parse()?, 1e6)
        }
        ["bench", folder, queries, commands, n, us] => {
            bench(folder, queries, commands, n.parse()?, us.parse()?)
        }
        ["query", folder] => serve(folder),
        _ => Err("usage: tantivy-peer build|bench|query …, see the top of src/main.rs".into()),
    }
}
