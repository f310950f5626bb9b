/* See power.h. */
#include "faults/power.h"

#include "test.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILES_MAX = 4096, NAMES_MAX = 64, NAME_BYTES = 256, SECTOR_BYTES = 512 };

typedef struct content {
    uint8_t *bytes;
    size_t len;
    size_t room;
} content;

typedef struct name {
    char text[NAME_BYTES]; /* "": free */
    uint32_t file;
} name;

typedef struct entries {
    const shim_entry **items;
    size_t count, capacity;
} entries;

struct power {
    const uint8_t *log, *end, *next;
    const shim_entry *now; /* under way */
    char base[400];
    content files[FILES_MAX]; /* as they are for certain */
    name names[NAMES_MAX];    /* the same */
    entries writes;           /* not covered by a sync: writes and cuts */
    entries renames;          /* not covered by a sync of the folder */
    unsigned noted;
};

static void *must(void *memory) {
    if (!memory) {
        abort();
    }
    return memory;
}

static void push(entries *list, const shim_entry *entry) {
    if (list->count == list->capacity) {
        list->capacity = list->capacity * 2 + 64;
        list->items = must(realloc(list->items, list->capacity * sizeof(shim_entry *)));
    }
    list->items[list->count++] = entry;
}

static const uint8_t *bytes_of(const shim_entry *entry) {
    return (const uint8_t *)(entry + 1);
}

/* ---- Contents ------------------------------------------------------------------------------ */

/* What lies between the old and the new end is zeros. */
static void set_len(content *c, size_t len) {
    if (len > c->room) {
        c->room = len + len / 4 + 4096;
        c->bytes = must(realloc(c->bytes, c->room));
    }
    if (len > c->len) {
        memset(c->bytes + c->len, 0, len - c->len);
    }
    c->len = len;
}

static void put_bytes(content *c, uint64_t offset, const uint8_t *bytes, size_t len) {
    if (offset + len > c->len) {
        set_len(c, (size_t)offset + len);
    }
    memcpy(c->bytes + offset, bytes, len);
}

static void apply_whole(content *c, const shim_entry *entry) {
    if (entry->kind == SHIM_TRUNCATE) {
        set_len(c, (size_t)entry->offset);
    } else {
        put_bytes(c, entry->offset, bytes_of(entry), entry->bytes);
    }
}

/* Some sectors of a write. */
static void apply_torn(content *c, const shim_entry *entry, prng *random, uint32_t percent) {
    uint64_t at = entry->offset, end = entry->offset + entry->bytes;
    if (entry->kind == SHIM_TRUNCATE) {
        if (prng_below(random, 100) < percent) {
            set_len(c, (size_t)entry->offset);
        }
        return;
    }
    while (at < end) {
        uint64_t stop = (at / SECTOR_BYTES + 1) * SECTOR_BYTES;
        stop = stop < end ? stop : end;
        if (prng_below(random, 100) < percent) {
            put_bytes(c, at, bytes_of(entry) + (at - entry->offset), (size_t)(stop - at));
        }
        at = stop;
    }
}

static content copy_content(const content *c) {
    content copy = {0};
    set_len(&copy, c->len);
    if (c->len) {
        memcpy(copy.bytes, c->bytes, c->len);
    }
    return copy;
}

static void read_base(power *p, const char *text, content *out) {
    char path[700];
    uint8_t buffer[1 << 16];
    ssize_t len;
    snprintf(path, sizeof path, "%s/%s", p->base, text);
    int fd = open(path, O_RDONLY);
    out->len = 0;
    while (fd >= 0 && (len = read(fd, buffer, sizeof buffer)) > 0) {
        put_bytes(out, out->len, buffer, (size_t)len);
    }
    if (fd >= 0) {
        close(fd);
    }
}

/* ---- Names --------------------------------------------------------------------------------- */

static name *find(name *names, const char *text) {
    for (int i = 0; i < NAMES_MAX; i++) {
        if (strcmp(names[i].text, text) == 0) {
            return &names[i];
        }
    }
    return NULL;
}

static void set_name(name *names, const char *text, uint32_t file) {
    name *at = find(names, text);
    at = at ? at : find(names, "");
    if (!at || strlen(text) >= NAME_BYTES) {
        abort();
    }
    strcpy(at->text, text);
    at->file = file;
}

static void drop_name(name *names, const char *text) {
    name *at = find(names, text);
    if (at) {
        at->text[0] = 0;
    }
}

static void apply_name(name *names, const shim_entry *entry) {
    const char *from = (const char *)bytes_of(entry);
    const char *to = from + strlen(from) + 1;
    switch (entry->kind) {
    case SHIM_RENAME:
        drop_name(names, from);
        set_name(names, to, entry->file);
        break;
    case SHIM_LINK: set_name(names, to, entry->file); break;
    case SHIM_UNLINK: drop_name(names, from); break;
    default: set_name(names, from, entry->file); break;
    }
}

/* ---- Going through the log ----------------------------------------------------------------- */

power *power_open(const uint8_t *log, size_t bytes, const char *base) {
    power *p = must(calloc(1, sizeof *p));
    p->log = p->next = log;
    p->end = log + bytes;
    snprintf(p->base, sizeof p->base, "%s", base);
    return p;
}

void power_close(power *p) {
    for (int i = 0; i < FILES_MAX; i++) {
        free(p->files[i].bytes);
    }
    free(p->writes.items);
    free(p->renames.items);
    free(p);
}

/* The writes to a file become certain: all of them, or one alone. */
static void settle(power *p, uint32_t file, const shim_entry *only) {
    size_t kept = 0;
    for (size_t i = 0; i < p->writes.count; i++) {
        const shim_entry *entry = p->writes.items[i];
        if (only ? entry == only : entry->file == file) {
            apply_whole(&p->files[file], entry);
        } else {
            p->writes.items[kept++] = entry;
        }
    }
    p->writes.count = kept;
}

static void begin(power *p, const shim_entry *entry) {
    switch (entry->kind) {
    case SHIM_EXISTS:
        set_name(p->names, (const char *)bytes_of(entry), entry->file);
        read_base(p, (const char *)bytes_of(entry), &p->files[entry->file]);
        break;
    case SHIM_WRITE:
    case SHIM_TRUNCATE: push(&p->writes, entry); break;
    case SHIM_CREATE:
    case SHIM_RENAME:
    case SHIM_LINK:
    case SHIM_UNLINK: push(&p->renames, entry); break;
    default: break;
    }
}

static void end(power *p, const shim_entry *entry) {
    if (entry->kind == SHIM_NOTE) {
        p->noted = (unsigned)entry->offset;
    } else if (entry->kind == SHIM_SYNC) {
        settle(p, entry->file, NULL);
    } else if (entry->kind == SHIM_WRITE && entry->synced) {
        settle(p, entry->file, entry);
    } else if (entry->kind == SHIM_SYNC_FOLDER) {
        for (size_t i = 0; i < p->renames.count; i++) {
            apply_name(p->names, p->renames.items[i]);
        }
        p->renames.count = 0;
    }
}

const shim_entry *power_next(power *p) {
    if (p->now) {
        end(p, p->now);
    }
    p->now = NULL;
    if (p->next < p->end) {
        p->now = (const shim_entry *)(const void *)p->next;
        p->next += (sizeof *p->now + p->now->bytes + 7) & ~(size_t)7;
        begin(p, p->now);
    }
    return p->now;
}

unsigned power_noted(const power *p) {
    return p->noted;
}

const uint8_t *power_bytes(const power *p) {
    return bytes_of(p->now);
}

bool power_is_of(const power *p, const char *text) {
    name names[NAMES_MAX];
    memcpy(names, p->names, sizeof names);
    for (size_t i = 0; i < p->renames.count; i++) {
        apply_name(names, p->renames.items[i]);
    }
    const name *at = find(names, text);
    return at && at->file == p->now->file;
}

/* ---- Images -------------------------------------------------------------------------------- */

static void write_file(const char *folder, const char *text, const content *c) {
    char path[700];
    snprintf(path, sizeof path, "%s/%s", folder, text);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    CHECK(fd >= 0 && write(fd, c->bytes ? c->bytes : (const uint8_t *)"", c->len) ==
                         (ssize_t)c->len);
    close(fd);
}

static void empty_folder(const char *folder) {
    DIR *list = opendir(folder);
    for (const struct dirent *entry; list && (entry = readdir(list));) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            unlinkat(dirfd(list), entry->d_name, 0);
        }
    }
    if (list) {
        closedir(list);
    }
}

static void shuffle(entries *list, prng *random) {
    for (size_t i = list->count; i > 1; i--) {
        size_t j = prng_below(random, (uint32_t)i);
        const shim_entry *swap = list->items[i - 1];
        list->items[i - 1] = list->items[j];
        list->items[j] = swap;
    }
}

static entries copy_entries(const entries *list) {
    entries copy = {0};
    for (size_t i = 0; i < list->count; i++) {
        push(&copy, list->items[i]);
    }
    return copy;
}

/* A file as it may be: the order of its writes, and how many of their sectors came, at random. */
static content some_content(const power *p, uint32_t file, prng *random) {
    static const uint32_t percents[] = {0, 10, 50, 90, 100};
    content c = copy_content(&p->files[file]);
    entries writes = copy_entries(&p->writes);
    uint32_t percent = percents[prng_below(random, 5)];
    bool grown = prng_below(random, 2);
    size_t longest = c.len;
    if (prng_below(random, 2)) {
        shuffle(&writes, random);
    }
    for (size_t i = 0; i < writes.count; i++) {
        const shim_entry *entry = writes.items[i];
        if (entry->file == file) {
            size_t stop = (size_t)entry->offset + entry->bytes;
            longest = stop > longest ? stop : longest;
            apply_torn(&c, entry, random, percent);
        }
    }
    if (grown && longest > c.len) {
        set_len(&c, longest);
    }
    free(writes.items);
    return c;
}

void power_image(const power *p, prng *random, const char *folder) {
    name names[NAMES_MAX];
    memcpy(names, p->names, sizeof names);
    uint32_t odds = prng_below(random, 3); /* none, half or all of the changes of names */
    for (size_t i = 0; i < p->renames.count; i++) {
        if (prng_below(random, 2) < odds) {
            apply_name(names, p->renames.items[i]);
        }
    }
    empty_folder(folder);
    for (int i = 0; i < NAMES_MAX; i++) {
        if (names[i].text[0]) {
            content c = some_content(p, names[i].file, random);
            write_file(folder, names[i].text, &c);
            free(c.bytes);
        }
    }
}

void power_torn(const power *p, const uint8_t *taken, const char *folder) {
    name names[NAMES_MAX];
    memcpy(names, p->names, sizeof names);
    for (size_t i = 0; i < p->renames.count; i++) {
        apply_name(names, p->renames.items[i]);
    }
    empty_folder(folder);
    for (int i = 0; i < NAMES_MAX; i++) {
        if (!names[i].text[0]) {
            continue;
        }
        content c = copy_content(&p->files[names[i].file]);
        for (size_t j = 0; j < p->writes.count; j++) {
            const shim_entry *entry = p->writes.items[j];
            if (entry->file != names[i].file) {
                continue;
            }
            if (entry != p->now) {
                apply_whole(&c, entry);
                continue;
            }
            for (uint32_t k = 0; k < entry->bytes; k++) {
                if (taken[k]) {
                    put_bytes(&c, entry->offset + k, bytes_of(entry) + k, 1);
                }
            }
        }
        write_file(folder, names[i].text, &c);
        free(c.bytes);
    }
}
