/* What posts are made of. Tables only: which entry post N takes is decided in post.c.
 *
 * Structure, labels, names of known topics and the sizes of the pools are those of the site; the
 * sentences are this project's own. In a template {p} stands for the problem, {s} for the stack and
 * {c} for the scenario. All text is ASCII; a paragraph is one line, and no line of code begins with
 * "- " (a reader of scraped text would take it for a bullet).
 *
 * KEEP IN STEP: tests/cli/test_synth.py holds digests: a change of any table changes every post. */
#ifndef SYNTH_POOLS_H
#define SYNTH_POOLS_H

#include <stddef.h>

enum {
    SYNTH_STACKS = 31,
    SYNTH_PROBLEMS = 33,
    SYNTH_TOOLS_MAX = 6,
    SYNTH_OPENINGS = 4,
    SYNTH_ENDINGS = 4,
    SYNTH_SCENARIOS = 8,
    SYNTH_SECTIONS = 4,
    SYNTH_SECTION_PARAGRAPHS_MAX = 4,
    SYNTH_CHECKLISTS = 5,
    SYNTH_CHECKS = 5,
    SYNTH_NOTES = 3,
    SYNTH_NAME_MAX = 64, /* bytes of a stack's or problem's name with its final zero */

    /* Stacks and problems past the site's own are composed: DOMAIN KIND and GERUND OBJECT. */
    SYNTH_DOMAINS = 40,
    SYNTH_KINDS = 25,
    SYNTH_GERUNDS = 32,
    SYNTH_OBJECTS = 64,
    SYNTH_STACKS_MAX = SYNTH_STACKS + SYNTH_DOMAINS * SYNTH_KINDS,
    SYNTH_PROBLEMS_MAX = SYNTH_PROBLEMS + SYNTH_GERUNDS * SYNTH_OBJECTS
};

typedef struct synth_stack {
    const char *name;
    const char *area;
    const char *language;
    const char *tools[SYNTH_TOOLS_MAX]; /* four to six; NULL behind the last */
} synth_stack;

typedef struct synth_opening {
    const char *title;
    const char *intro;
} synth_opening;

typedef struct synth_section {
    const char *heading;
    size_t paragraph_count;
    const char *paragraphs[SYNTH_SECTION_PARAGRAPHS_MAX];
} synth_section;

typedef struct synth_snippet {
    const char *language;
    const char *lines; /* joined by newlines, none at the end */
} synth_snippet;

extern const synth_stack synth_stacks[SYNTH_STACKS];
extern const synth_stack synth_kinds[SYNTH_KINDS]; /* name: the second word of a composed stack */
extern const char *const synth_domains[SYNTH_DOMAINS];

extern const char *const synth_problems[SYNTH_PROBLEMS];
extern const char *const synth_gerunds[SYNTH_GERUNDS];
extern const char *const synth_objects[SYNTH_OBJECTS];

extern const synth_opening synth_openings[SYNTH_OPENINGS];
extern const char *const synth_endings[SYNTH_ENDINGS]; /* of titles; the first is empty */
extern const char *const synth_scenarios[SYNTH_SCENARIOS];
extern const synth_section synth_sections[SYNTH_SECTIONS];
extern const char *const synth_checklists[SYNTH_CHECKLISTS][SYNTH_CHECKS];
extern const char *const synth_notes[SYNTH_NOTES];
extern const char synth_case_clause[];     /* behind every third paragraph */
extern const char synth_approach_clause[]; /* behind every fourth, where no third falls */
extern const char synth_final_notes[];
extern const char synth_summary[];
extern const char synth_brief[];
extern const char synth_action[];

extern const synth_snippet synth_snippets[];
extern const size_t synth_snippet_count;

#endif
