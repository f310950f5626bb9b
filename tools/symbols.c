/*
 * `symbols HEADER LIBRARY`: the names that a shared library exports must be the functions that
 * the public header declares with ANP_API, no more and no fewer. Run by `zig build check`.
 *
 * The header is read as words: behind each ANP_API, the name is what stands before the first `(`.
 * The library is an ELF file of 64 bits, little-endian: the exported names are the defined and
 * visible symbols of .dynsym.
 */
#include <elf.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAMES_MAX = 4096 };

struct names {
    const char *name[NAMES_MAX];
    int count;
};

static int by_name(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void add(struct names *names, const char *name) {
    if (names->count == NAMES_MAX) {
        fprintf(stderr, "symbols: more than %d names\n", NAMES_MAX);
        exit(2);
    }
    names->name[names->count++] = name;
}

/* The whole file, with a zero behind it; stays until the program ends. */
static char *read_file(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END) != 0) {
        perror(path);
        exit(2);
    }
    long end = ftell(file);
    char *bytes = end < 0 ? NULL : malloc((size_t)end + 1);
    rewind(file);
    if (!bytes || fread(bytes, 1, (size_t)end, file) != (size_t)end) {
        perror(path);
        exit(2);
    }
    fclose(file);
    bytes[end] = 0;
    *size = (size_t)end;
    return bytes;
}

static bool is_name(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

/* Blanks comments and preprocessor lines, which speak of ANP_API too. */
static void blank_comments(char *text) {
    for (char *at = text; *at; at++) {
        char *end = NULL;
        if (strncmp(at, "/*", 2) == 0) {
            end = strstr(at, "*/");
        } else if (*at == '#' && (at == text || at[-1] == '\n')) {
            end = strchr(at, '\n');
            while (end && end[-1] == '\\') end = strchr(end + 1, '\n');
        }
        if (end) {
            memset(at, ' ', (size_t)(end - at));
            at = end;
        }
    }
}

static void declared(char *text, struct names *names) {
    blank_comments(text);
    for (char *at = text; (at = strstr(at, "ANP_API"));) {
        char *end = strchr(at, '(');
        if (!end) break;
        char *next = end + 1;
        while (end > at && !is_name(end[-1])) end--;
        char *start = end;
        while (start > at && is_name(start[-1])) start--;
        *end = 0;
        add(names, start);
        at = next;
    }
}

static void exported(const char *path, const char *bytes, size_t size, struct names *names) {
    const Elf64_Ehdr *head = (const void *)bytes;
    if (size < sizeof *head || memcmp(head->e_ident, ELFMAG, SELFMAG) != 0 ||
        head->e_ident[EI_CLASS] != ELFCLASS64 || head->e_ident[EI_DATA] != ELFDATA2LSB ||
        head->e_shoff + head->e_shnum * sizeof(Elf64_Shdr) > size) {
        fprintf(stderr, "symbols: %s is no ELF file of 64 bits\n", path);
        exit(2);
    }
    const Elf64_Shdr *sections = (const void *)(bytes + head->e_shoff);
    for (int i = 0; i < head->e_shnum; i++) {
        if (sections[i].sh_type != SHT_DYNSYM) continue;
        const char *strings = bytes + sections[sections[i].sh_link].sh_offset;
        const Elf64_Sym *symbols = (const void *)(bytes + sections[i].sh_offset);
        for (size_t s = 0; s < sections[i].sh_size / sizeof *symbols; s++) {
            unsigned bind = ELF64_ST_BIND(symbols[s].st_info),
                     seen = ELF64_ST_VISIBILITY(symbols[s].st_other);
            if (symbols[s].st_shndx == SHN_UNDEF || bind == STB_LOCAL) continue;
            if (seen == STV_HIDDEN || seen == STV_INTERNAL) continue;
            add(names, strings + symbols[s].st_name);
        }
    }
}

int main(int argc, char **argv) {
    static struct names in_header, in_library;
    size_t size = 0;
    int wrong = 0, i = 0, j = 0;
    if (argc != 3) {
        fprintf(stderr, "usage: symbols HEADER LIBRARY\n");
        return 2;
    }
    declared(read_file(argv[1], &size), &in_header);
    char *library = read_file(argv[2], &size);
    exported(argv[2], library, size, &in_library);
    qsort(in_header.name, (size_t)in_header.count, sizeof in_header.name[0], by_name);
    qsort(in_library.name, (size_t)in_library.count, sizeof in_library.name[0], by_name);
    while (i < in_header.count || j < in_library.count) {
        int order = i == in_header.count    ? 1
                    : j == in_library.count ? -1
                                            : strcmp(in_header.name[i], in_library.name[j]);
        if (order < 0)
            printf("error: %s is declared in the header but not exported\n", in_header.name[i]);
        if (order > 0)
            printf("error: %s is exported but not declared in the header\n", in_library.name[j]);
        wrong += order != 0;
        i += order <= 0;
        j += order >= 0;
    }
    if (in_header.count == 0) printf("error: the header declares nothing with ANP_API\n");
    return wrong > 0 || in_header.count == 0;
}
