// Lucene as a peer of anpsearch: the same text, the same analysis, timed by the same protocol.
//
//     build DOCS.jsonl INDEX [THREADS [MEMORY_MB]]     LUCENE_REORDER=1: reordered by bisection
//     bench INDEX QUERIES.tsv COMMAND,… [REPEATS [BUDGET_US]]
//     query INDEX                  COMMAND, a tab and a query on each line of standard input
//
// Text, analysis and output are those of ../tantivy/src/main.rs. Queries are the game's: words and
// phrases in quotes, each with a + (needed), a - (must not) or neither. What the JVM takes to start
// and to warm up is part of a build, as it is for who runs one.
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.lucene.analysis.Analyzer;
import org.apache.lucene.analysis.LowerCaseFilter;
import org.apache.lucene.analysis.TokenStream;
import org.apache.lucene.analysis.Tokenizer;
import org.apache.lucene.analysis.snowball.SnowballFilter;
import org.apache.lucene.analysis.tokenattributes.CharTermAttribute;
import org.apache.lucene.analysis.util.CharTokenizer;
import org.apache.lucene.document.Document;
import org.apache.lucene.document.Field;
import org.apache.lucene.document.StringField;
import org.apache.lucene.document.TextField;
import org.apache.lucene.index.DirectoryReader;
import org.apache.lucene.index.IndexWriter;
import org.apache.lucene.index.IndexWriterConfig;
import org.apache.lucene.index.Term;
import org.apache.lucene.misc.index.BPIndexReorderer;
import org.apache.lucene.misc.index.BPReorderingMergePolicy;
import org.apache.lucene.search.BooleanClause;
import org.apache.lucene.search.BooleanQuery;
import org.apache.lucene.search.IndexSearcher;
import org.apache.lucene.search.PhraseQuery;
import org.apache.lucene.search.Query;
import org.apache.lucene.search.ScoreDoc;
import org.apache.lucene.search.TermQuery;
import org.apache.lucene.search.TopDocs;
import org.apache.lucene.search.TopScoreDocCollectorManager;
import org.apache.lucene.search.similarities.BM25Similarity;
import org.apache.lucene.store.Directory;
import org.apache.lucene.store.FSDirectory;

public final class Peer {
    private static final String PEER = "Lucene 10.5.0";
    private static final int QUEUED_LINES = 2000;
    private static final String END = new String("end"); // compared by identity
    private static final ThreadMXBean CLOCK = ManagementFactory.getThreadMXBean();
    private static final boolean REORDER = System.getenv("LUCENE_REORDER") != null;

    // ---- Analysis

    /** A letter or digit as the peers in Rust see it. */
    static boolean isWord(int c) {
        int type = Character.getType(c);
        return Character.isAlphabetic(c) || type == Character.DECIMAL_DIGIT_NUMBER
            || type == Character.LETTER_NUMBER || type == Character.OTHER_NUMBER;
    }

    static final class Plain extends Analyzer {
        @Override
        protected TokenStreamComponents createComponents(String field) {
            Tokenizer words = new CharTokenizer() {
                @Override
                protected boolean isTokenChar(int c) {
                    return isWord(c);
                }
            };
            TokenStream stems = new SnowballFilter(new LowerCaseFilter(words), "English");
            return new TokenStreamComponents(words, stems);
        }
    }

    private static final Analyzer PLAIN = new Plain(); // each thread has its own chain in it

    // ---- Build

    /** One worker: lines to documents. */
    static final class Worker implements Runnable {
        private final BlockingQueue<String> lines;
        private final IndexWriter writer;
        private final AtomicLong documents, rawBytes;
        private final AtomicReference<Exception> failure;
        private final JsonFactory json = new JsonFactory();
        private final StringField id = new StringField("id", "", Field.Store.YES);
        private final TextField text = new TextField("text", "", Field.Store.NO);
        private final Document document = new Document();

        Worker(BlockingQueue<String> lines, IndexWriter writer, AtomicLong documents,
               AtomicLong rawBytes, AtomicReference<Exception> failure) {
            this.lines = lines;
            this.writer = writer;
            this.documents = documents;
            this.rawBytes = rawBytes;
            this.failure = failure;
            document.add(id);
            document.add(text);
        }

        @Override
        public void run() {
            for (;;) {
                try {
                    String line = lines.take();
                    if (line == END) {
                        lines.put(END); // for the next worker
                        return;
                    }
                    if (failure.get() == null) add(line);
                } catch (IOException | InterruptedException e) {
                    failure.compareAndSet(null, e);
                }
            }
        }

        private void add(String line) throws IOException {
            String title = "", body = "";
            try (JsonParser parser = json.createParser(line)) {
                parser.nextToken();
                while (parser.nextToken() == JsonToken.FIELD_NAME) {
                    String name = parser.currentName();
                    parser.nextToken();
                    switch (name) {
                        case "id" -> id.setStringValue(parser.getText());
                        case "title" -> title = parser.getText();
                        case "body", "text", "content" -> body = parser.getText();
                        default -> parser.skipChildren();
                    }
                }
            }
            text.setStringValue(title + "\n" + body);
            writer.addDocument(document);
            documents.incrementAndGet();
            rawBytes.addAndGet(utf8Bytes(title) + 1 + utf8Bytes(body));
        }
    }

    static long utf8Bytes(String s) {
        long bytes = 0;
        for (int i = 0; i < s.length(); i++) {
            char c = s.charAt(i);
            bytes += c < 0x80 ? 1 : c < 0x800 || Character.isSurrogate(c) ? 2 : 3;
        }
        return bytes;
    }

    static IndexWriterConfig config(int memory) {
        IndexWriterConfig config = new IndexWriterConfig(PLAIN)
            .setRAMBufferSizeMB(memory)
            .setOpenMode(IndexWriterConfig.OpenMode.CREATE)
            .setSimilarity(new BM25Similarity());
        if (REORDER) {
            BPIndexReorderer reorderer = new BPIndexReorderer();
            reorderer.setRAMBudgetMB(memory);
            BPReorderingMergePolicy policy =
                new BPReorderingMergePolicy(config.getMergePolicy(), reorderer);
            policy.setMinNaturalMergeNumDocs(Integer.MAX_VALUE); // the last merge only
            config.setMergePolicy(policy);
        }
        return config;
    }

    static void feed(IndexWriter writer, String corpus, int threads, AtomicLong documents,
                     AtomicLong rawBytes) throws Exception {
        BlockingQueue<String> lines = new ArrayBlockingQueue<>(QUEUED_LINES);
        AtomicReference<Exception> failure = new AtomicReference<>();
        List<Thread> workers = new ArrayList<>();
        for (int i = 0; i < threads; i++) {
            workers.add(new Thread(new Worker(lines, writer, documents, rawBytes, failure)));
            workers.get(i).start();
        }
        try (BufferedReader reader = Files.newBufferedReader(Path.of(corpus))) {
            for (String line = reader.readLine(); line != null; line = reader.readLine()) {
                lines.put(line);
            }
        }
        lines.put(END);
        for (Thread worker : workers) worker.join();
        if (failure.get() != null) throw failure.get();
    }

    static void build(String corpus, String folder, int threads, int memory) throws Exception {
        AtomicLong documents = new AtomicLong(), rawBytes = new AtomicLong();
        long start = System.nanoTime();
        double commitSeconds;
        int segments;
        try (Directory directory = FSDirectory.open(Path.of(folder));
             IndexWriter writer = new IndexWriter(directory, config(memory))) {
            feed(writer, corpus, threads, documents, rawBytes);
            writer.commit();
            commitSeconds = (System.nanoTime() - start) / 1e9;
            try (DirectoryReader reader = DirectoryReader.open(writer)) {
                segments = reader.leaves().size();
            }
            writer.forceMerge(1, true);
            writer.commit();
        }
        double seconds = (System.nanoTime() - start) / 1e9;
        double megabytes = rawBytes.get() / 1e6;
        long indexBytes = 0;
        try (Directory directory = FSDirectory.open(Path.of(folder))) {
            for (String name : directory.listAll()) indexBytes += directory.fileLength(name);
        }
        System.out.printf(Locale.ROOT, "{\"peer\":\"%s%s\",\"docs\":%d,\"raw_bytes\":%d,"
            + "\"threads\":%d,\"memory_bytes\":%d,\"commit_seconds\":%.3f,"
            + "\"commit_mb_per_s\":%.2f,\"segments_at_commit\":%d,\"seconds\":%.3f,"
            + "\"mb_per_s\":%.2f,\"peak_bytes\":%d,\"index_bytes\":%d}%n", PEER,
            REORDER ? " reordered" : "", documents.get(), rawBytes.get(), threads,
            memory * 1000000L, commitSeconds, megabytes / commitSeconds, segments, seconds,
            megabytes / seconds, peakBytes(), indexBytes);
    }

    static long peakBytes() throws IOException {
        for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
            if (line.startsWith("VmHWM:")) return Long.parseLong(line.replaceAll("\\D", "")) * 1024;
        }
        return 0;
    }

    // ---- Queries

    static IndexSearcher open(String folder) throws IOException {
        IndexSearcher searcher =
            new IndexSearcher(DirectoryReader.open(FSDirectory.open(Path.of(folder))));
        searcher.setQueryCache(null);
        searcher.setSimilarity(new BM25Similarity());
        return searcher;
    }

    static List<String> terms(String query) throws IOException {
        List<String> terms = new ArrayList<>();
        try (TokenStream stream = PLAIN.tokenStream("text", query)) {
            CharTermAttribute term = stream.addAttribute(CharTermAttribute.class);
            stream.reset();
            while (stream.incrementToken()) terms.add(term.toString());
            stream.end();
        }
        return terms;
    }

    static Query ofClause(List<String> terms) {
        if (terms.size() == 1) return new TermQuery(new Term("text", terms.get(0)));
        return new PhraseQuery("text", terms.toArray(new String[0]));
    }

    static Query parse(String query) throws IOException {
        List<BooleanClause> clauses = new ArrayList<>();
        for (int at = 0, end; at < query.length(); at = end + 1) {
            char sign = query.charAt(at);
            BooleanClause.Occur occur = sign == '+' ? BooleanClause.Occur.MUST
                : sign == '-' ? BooleanClause.Occur.MUST_NOT : BooleanClause.Occur.SHOULD;
            if (occur != BooleanClause.Occur.SHOULD) at++;
            boolean quoted = at < query.length() && query.charAt(at) == '"';
            end = query.indexOf(quoted ? '"' : ' ', quoted ? at + 1 : at);
            if (end < 0) end = query.length();
            List<String> terms = terms(query.substring(at, end));
            if (!terms.isEmpty()) clauses.add(new BooleanClause(ofClause(terms), occur));
        }
        if (clauses.size() == 1) return clauses.get(0).query();
        BooleanQuery.Builder builder = new BooleanQuery.Builder();
        for (BooleanClause clause : clauses) builder.add(clause);
        return builder.build();
    }

    /** The total (-1: not counted) and the hits. */
    record Answer(long total, ScoreDoc[] hits) {}

    static Answer answer(IndexSearcher searcher, String command, String query)
        throws IOException {
        if (command.equals("COUNT")) {
            return new Answer(searcher.count(parse(query)), new ScoreDoc[0]);
        }
        boolean counts = command.endsWith("_COUNT");
        int k = Integer.parseInt(command.replaceAll("\\D", ""));
        int countUpTo = counts ? Integer.MAX_VALUE : k;
        TopDocs top = searcher.search(parse(query),
            new TopScoreDocCollectorManager(k, null, countUpTo));
        return new Answer(counts ? top.totalHits.value() : -1, top.scoreDocs);
    }

    static void bench(String folder, String queries, String commands, int repeats,
                      double budgetMicros) throws IOException {
        IndexSearcher searcher = open(folder);
        List<String> lines = Files.readAllLines(Path.of(queries));
        for (String command : commands.split(",")) {
            // Warm up until the JVM has compiled what runs: 4 s of this thread's own processor time,
            // at least three rounds.
            long start = CLOCK.getCurrentThreadCpuTime();
            for (int i = 0; i < 3 || CLOCK.getCurrentThreadCpuTime() - start < 4e9; i++) {
                for (String line : lines) {
                    answer(searcher, command, line.substring(line.indexOf('\t') + 1));
                }
            }
            for (String line : lines) {
                String query = line.substring(line.indexOf('\t') + 1);
                long least = Long.MAX_VALUE, spent = 0, found = 0;
                for (int i = 0; i < repeats && (i < 3 || spent <= budgetMicros * 1e3); i++) {
                    long began = System.nanoTime();
                    Answer got = answer(searcher, command, query);
                    long took = System.nanoTime() - began;
                    least = Math.min(least, took);
                    spent += took;
                    found = got.total() >= 0 ? got.total() : got.hits().length;
                }
                System.out.printf(Locale.ROOT, "%s\t%s\t%d\t%.3f%n", command, line, found,
                    least / 1e3);
            }
        }
    }

    static void serve(String folder) throws IOException {
        IndexSearcher searcher = open(folder);
        BufferedReader in = new BufferedReader(
            new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            int tab = line.indexOf('\t');
            Answer got = answer(searcher, line.substring(0, tab), line.substring(tab + 1));
            List<String> words = new ArrayList<>();
            if (got.total() >= 0) words.add(Long.toString(got.total()));
            for (ScoreDoc hit : got.hits()) {
                String id = searcher.storedFields().document(hit.doc).get("id");
                words.add(String.format(Locale.ROOT, "%s:%.5f", id, hit.score));
            }
            System.out.println(String.join("\t", words));
        }
    }

    public static void main(String[] a) throws Exception {
        String command = a.length > 1 ? a[0] : "";
        switch (command) {
            case "build" -> {
                int threads = a.length > 3 ? Integer.parseInt(a[3]) : 1;
                build(a[1], a[2], threads, a.length > 4 ? Integer.parseInt(a[4]) : 1000);
            }
            case "bench" -> bench(a[1], a[2], a[3], a.length > 4 ? Integer.parseInt(a[4]) : 10,
                a.length > 5 ? Double.parseDouble(a[5]) : 1e6);
            case "query" -> serve(a[1]);
            default -> {
                System.err.println("usage: lucene-peer build|bench|query …, see src/Peer.java");
                System.exit(2);
            }
        }
    }
}
