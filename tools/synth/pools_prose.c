/* The sentences. Each section has as many paragraphs as the site's; the numbers of words are near
 * the site's too, because they decide how much two posts share. */
#include "pools.h"

const synth_opening synth_openings[SYNTH_OPENINGS] = {
    {"a working plan for {p} with {s}",
     "sooner or later {p} turns from an occasional chore into a routine that everybody depends "
     "on. these pages follow one {s} installation {c} and show which step belongs first."},
    {"what to settle before {p} for {s}",
     "{p} looks harmless during quiet weeks and expensive during busy ones. this article takes "
     "a {s} team through the decisions in order, {c}, and marks where independent review pays "
     "off."},
    {"lessons from {p} in {s}",
     "the need for {p} usually surfaces only after audience, archive, or release rate have "
     "grown. here alphanode shows how to examine it inside a {s} code base and leave something "
     "maintainable."},
    {"how we go about {p} in {s}",
     "these pages address engineers who would rather understand a correction than admire it. "
     "they discuss {p} in {s} {c}, and close with checks that fit the next incident."},
};

const char *const synth_endings[SYNTH_ENDINGS] = {
    "",
    ": alphanode field log",
    ": lived-in project edition",
    ": upkeep guide",
};

const char *const synth_scenarios[SYNTH_SCENARIOS] = {
    "with an easy way back",      "with named owners",      "for years of upkeep",
    "ahead of a large migration", "under steady traffic",   "on a modest budget",
    "with a mixed team",          "after a noisy incident",
};

const synth_section synth_sections[SYNTH_SECTIONS] = {
    {"why this matters",
     3,
     {"describe the present behavior before touching anything. note the endpoint, the incoming "
      "data, the statement or job that takes too long, and the moment somebody complains. one "
      "page of honest observations keeps later edits from being guesses and gives every "
      "reviewer something to compare.",
      "speed claims need controlled experiments. take a reading, make the least invasive edit, "
      "empty only the layer under test, then take the reading again. otherwise a warm buffer "
      "or an unusually quiet hour will be mistaken for progress.",
      "most long incidents begin with missing figures. gather latency, failure counts, hit "
      "ratio, and statements per request while the previous version still runs. where a figure "
      "is unavailable, one additional log field or lightweight probe costs less than an "
      "afternoon of theories."}},
    {"the practical approach",
     4,
     {"prefer plain code that newcomers understand immediately. obvious names, a short "
      "settings table, and a single route from input to output age considerably better than "
      "sophisticated layers whose author has since joined another department.",
      "use the test environment as a dress rehearsal. load it with production settings, "
      "execute the very command that the release will execute, and practise the return path "
      "until nobody needs to consult old messages.",
      "inspect everything arriving from outside at its first entrance. a useful refusal names "
      "the offending field, describes an acceptable value, and tells the caller whether "
      "repeating the identical request could ever succeed.",
      "count the steps between a fresh checkout and the first green run. whatever exceeds two "
      "belongs in a script, a task file, or a page of pasteable commands. minutes saved there "
      "return with every replacement laptop."}},
    {"production checks",
     4,
     {"a caching decision deserves sentences that tired colleagues understand. state what is "
      "stored, for how long, which requests skip it, and show one address on either side of "
      "that line.",
      "unattended work must survive interruption. give every import, timer, and queue consumer "
      "a key that makes repetition harmless, and let it record how far it progressed so that "
      "operators can resume without detective work.",
      "alerts should produce answers within a minute: can visitors reach it, how long do they "
      "wait, which tasks are stuck, what was released recently. charts that require "
      "explanation help nobody at three in the morning.",
      "schema work is slow to undo, so read before writing. study existing keys, ask the "
      "planner what it intends, and time the change against a restored backup. statements that "
      "fly over ten rows may crawl over millions."}},
    {"security and maintenance notes",
     3,
     {"protect features with lists instead of memory. walk through roles, tokens, response "
      "headers, file sizes, and audit lines individually. rules buried inside helper functions "
      "are rules that the following audit will overlook.",
      "dependencies age even where application code stands still. pin installed versions, read "
      "each changelog before upgrading, and move one major release at a time. updates "
      "explained in one line can be reverted in one line.",
      "leave a trail for whoever answers the pager next year. connect ticket, chart, and "
      "commit from one paragraph, and delete remarks that stopped being true. wrong "
      "documentation costs more time than missing documentation."}},
};

const char synth_case_clause[] =
    "regarding {s}, list the decision maker, the wanted outcome, and the rollback note side by "
    "side.";

const char synth_approach_clause[] =
    "alphanode values changes that can be measured and undone above changes that look complete.";

const char synth_final_notes[] =
    "a {s} change is finished once somebody absent from the discussion can read, check, and "
    "carry out everything again. store executed commands, moved figures, and remaining doubts "
    "beside this page, and the following round of upkeep starts from facts.";

const char synth_summary[] =
    "this generated overview considers {p} in {s}, stressing readings taken beforehand, "
    "cautious settings, rehearsed rollback, and trustworthy documents.";

const char synth_brief[] =
    "composed in the manner of a cautious machine draft, the article motivates each step, names "
    "the checks that operators perform, and never claims that one command could repair every "
    "live system.";

const char synth_action[] = "take readings first, move in small steps, keep a record";

const char *const synth_checklists[SYNTH_CHECKLISTS][SYNTH_CHECKS] = {
    {"describe how it behaves today", "take a backup that restores", "try the smallest edit first",
     "read the logs once it is live", "add the closing note"},
    {"name who owns the change", "agree on the figure to watch", "rehearse the way back",
     "release to one host", "report what happened"},
    {"list every caller", "freeze the schema", "replay recorded traffic",
     "compare old and new output", "delete the old path"},
    {"rotate exposed secrets", "review file permissions", "cap the upload size",
     "confirm the audit lines", "book the next review"},
    {"satisfy the linter", "pass the unit suite", "pass one end to end case",
     "compare the staging settings", "sign the release tag"},
};

/* The three facts that every post tells of itself. */
const char *const synth_notes[SYNTH_NOTES] = {
    "array values in this cleaned meta should appear as a list inside the post box",
    "synthetic view count, good for nothing but tests of meta volume",
    "generated text for load tests of imports, to be reviewed before indexing",
};
