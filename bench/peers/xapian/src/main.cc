// Xapian as a peer: glass, compacted. BM25 in the form of all the others, as a weighting scheme of
// our own (Xapian's has another idf and a factor k1 + 1), exact lengths, so its lists can be
// compared with ours. Terms are stemmed by the shared driver. A phrase scores as its words do.
#include "../../driver.h"

#include <xapian.h>

#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

namespace {

constexpr double K1 = 1.2, B = 0.75;
constexpr size_t TERM_BYTES = 240; // glass takes 245

class Bm25 : public Xapian::Weight {
  public:
    Bm25() {
        need_stat(COLLECTION_SIZE);
        need_stat(TERMFREQ);
        need_stat(AVERAGE_LENGTH);
        need_stat(WDF);
        need_stat(DOC_LENGTH);
        need_stat(DOC_LENGTH_MIN);
        need_stat(WDF_MAX);
        need_stat(WQF);
    }
    Bm25 *clone() const override { return new Bm25; }
    void init(double factor) override {
        double n = get_collection_size(), df = get_termfreq();
        idf = factor * get_wqf() * std::log(1 + (n - df + 0.5) / (df + 0.5));
        average = std::max(get_average_length(), 1.0);
    }
    double get_sumpart(Xapian::termcount tf, Xapian::termcount len,
                       Xapian::termcount) const override {
        return idf * tf / (tf + K1 * (1 - B + B * len / average));
    }
    double get_maxpart() const override {
        double tf = get_wdf_upper_bound();
        return idf * tf / (tf + K1 * (1 - B + B * get_doclength_lower_bound() / average));
    }
    double get_sumextra(Xapian::termcount, Xapian::termcount) const override { return 0; }
    double get_maxextra() const override { return 0; }

  private:
    double idf = 0, average = 1;
};

std::string folder;
Xapian::WritableDatabase *writing;
Xapian::Database *db;

std::string raw() {
    return folder + "/raw";
}

void create(const char *path) {
    folder = path;
    writing = new Xapian::WritableDatabase(raw(), Xapian::DB_CREATE | Xapian::DB_BACKEND_GLASS |
                                                      Xapian::DB_NO_SYNC | Xapian::DB_DANGEROUS);
}

struct adding {
    Xapian::Document document;
    Xapian::termpos position = 0;
};

bool add_word(void *user, const word *w) {
    adding *a = static_cast<adding *>(user);
    a->position++;
    if (w->term_len <= TERM_BYTES) {
        a->document.add_posting(std::string(w->term, w->term_len), a->position);
    }
    return true;
}

void add(const char *id, const char *text, size_t len) {
    adding a;
    words_visit(text, len, add_word, &a);
    a.document.set_data(id);
    writing->add_document(a.document);
}

void commit() {
    writing->commit();
}

void merge() {
    writing->close();
    delete writing;
    Xapian::Database(raw()).compact(folder + "/db");
    std::filesystem::remove_all(raw());
}

void open_folder(const char *path) {
    db = new Xapian::Database(std::string(path) + "/db");
}

Xapian::Query of_clause(const clause &c) {
    std::vector<std::string> terms(c.terms, c.terms + c.count);
    if (c.count == 1) return Xapian::Query(terms[0]);
    return Xapian::Query(Xapian::Query::OP_PHRASE, terms.begin(), terms.end(), c.count);
}

Xapian::Query of_parsed(const parsed &q) {
    std::vector<Xapian::Query> by_need[3];
    for (size_t i = 0; i < q.count; i++) {
        by_need[q.clauses[i].need].push_back(of_clause(q.clauses[i]));
    }
    auto all = [&](need which, Xapian::Query::op op) {
        return Xapian::Query(op, by_need[which].begin(), by_need[which].end());
    };
    Xapian::Query query = all(NEED_SHOULD, Xapian::Query::OP_OR);
    if (!by_need[NEED_MUST].empty()) {
        Xapian::Query must = all(NEED_MUST, Xapian::Query::OP_AND);
        query = by_need[NEED_SHOULD].empty()
                    ? must
                    : Xapian::Query(Xapian::Query::OP_AND_MAYBE, must, query);
    }
    if (by_need[NEED_NOT].empty()) return query;
    return Xapian::Query(Xapian::Query::OP_AND_NOT, query, all(NEED_NOT, Xapian::Query::OP_OR));
}

void ask(const parsed *q, const command *c, bool ids, answer *out) {
    Xapian::Enquire enquire(*db);
    enquire.set_query(of_parsed(*q));
    if (c->k == 0) enquire.set_weighting_scheme(Xapian::BoolWeight());
    else enquire.set_weighting_scheme(Bm25());
    enquire.set_docid_order(Xapian::Enquire::ASCENDING);
    Xapian::MSet set = enquire.get_mset(0, c->k, c->counts ? db->get_doccount() : 0);
    out->total = set.get_matches_estimated(); // exact when as many are checked as there are
    out->count = 0;
    for (auto it = set.begin(); it != set.end(); ++it) {
        hit &h = out->hits[out->count++];
        h.score = it.get_weight();
        if (ids) snprintf(h.id, sizeof h.id, "%s", it.get_document().get_data().c_str());
    }
}

} // namespace

int main(int argc, char **argv) {
    std::string name = std::string("Xapian ") + Xapian::version_string();
    peer xapian = {name.c_str(), create, add, commit, merge, open_folder, ask};
    try {
        return peer_main(&xapian, argc, argv);
    } catch (const Xapian::Error &e) {
        give_up("xapian", e.get_description().c_str());
    }
}
