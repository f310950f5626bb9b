/*
 * What the index lies on: file systems that other machines share are refused by name; a full disk
 * is named, search goes on, and writing too once there is room.
 */
#include "faults/shim.h"
#include "faults/work.h"
#include "store/aid.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- Foreign file systems ------------------------------------------------------------------ */

/* As an index on a medium of this kind is met, in a child: whether it is as it should be. */
static bool meets(const char *path, uint32_t medium, bool refuse) {
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        static const unsigned flags[] = {ANP_OPEN_READ, ANP_OPEN_WRITE, ANP_OPEN_CREATE};
        anp_status expected = refuse ? ANP_IO : ANP_OK;
        bool fine = true;
        shim_begin(&(shim_plan){.folder = test_folder(), .medium = medium});
        for (unsigned i = 0; i < 4; i++) {
            char name[450];
            anp_index *index = NULL;
            anp_error err = ANP_ERROR_INIT;
            snprintf(name, sizeof name, "%s%s", path, i < 3 ? "" : ".new");
            unlink(i < 3 ? "" : name);
            anp_status status = anp_index_open(name, flags[i < 3 ? i : 2], NULL, &index, &err);
            fine &= status == expected && (!refuse || strstr(err.message, "network"));
            fine &= !refuse || i < 3 || access(name, F_OK) != 0;
            anp_index_close(index);
        }
        _exit(fine ? 0 : 1);
    }
    return aid_wait(child) == 0;
}

static void check_foreign(void) {
    static const struct { const char *name; uint32_t magic; bool refuse; } kinds[] = {
        {"NFS", 0x6969, true}, {"SMB", 0x517b, true}, {"CIFS", 0xff534d42, true},
        {"SMB 2", 0xfe534d42, true}, {"9P", 0x01021997, true}, {"AFS", 0x5346414f, true},
        {"AFS of the kernel", 0x6b414653, true}, {"Ceph", 0x00c36400, true},
        {"Lustre", 0x0bd00bd0, true}, {"GPFS", 0x47504653, true}, {"GFS2", 0x01161970, true},
        {"OCFS2", 0x7461636f, true}, {"BeeGFS", 0x19830326, true}, {"Coda", 0x73757245, true},
        {"VirtualBox", 0x786f4256, true}, {"VMware", 0xbacbacbc, true},
        {"ext4", 0xef53, false}, {"xfs", 0x58465342, false}, {"btrfs", 0x9123683e, false},
        {"tmpfs", 0x01021994, false}, {"overlay", 0x794c7630, false}, {"zfs", 0x2fc12fc1, false}};
    const scenario s = {.name = "medium", .base_posts = 10};
    const char *path = aid_path("medium.db");
    CASE("foreign file systems");
    if (!shim_works()) {
        SKIP("this build cannot pretend another file system");
    }
    work_prepare(&s, path);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (!CHECK(meets(path, kinds[i].magic, kinds[i].refuse))) {
            test_note("%s", kinds[i].name);
        }
    }
}

/* ---- A full disk --------------------------------------------------------------------------- */

static void fill_disk(const char *ballast) {
    static const char zeros[4096];
    int fd = open(ballast, O_WRONLY | O_CREAT, 0644);
    while (write(fd, zeros, sizeof zeros) > 0) {
    }
    close(fd);
}

static anp_status add_batch(anp_writer *writer, uint32_t first, uint32_t count, anp_error *err) {
    anp_status status = ANP_OK;
    for (uint32_t i = 0; i < count && status == ANP_OK; i++) {
        char json[WORK_POST_BYTES];
        status = anp_writer_add(writer, json, work_post(json, first + i, 1), err);
    }
    return status == ANP_OK ? anp_writer_commit(writer, err) : status;
}

static uint64_t count_all(anp_index *index) {
    anp_snapshot *snapshot = NULL;
    anp_results *results = NULL;
    uint64_t count = UINT64_MAX;
    if (CHECK_EQ_INT(anp_snapshot_open(index, &snapshot, NULL), ANP_OK) &&
        CHECK_EQ_INT(anp_query(snapshot, "step1z", NULL, &results, NULL), ANP_OK)) {
        count = anp_results_total(results);
        anp_results_free(results);
    }
    anp_snapshot_close(snapshot);
    return count;
}

static void full(anp_status status, const anp_error *err) {
    if (!CHECK_EQ_INT(status, ANP_NOSPACE) || !CHECK(strstr(err->message, "space left"))) {
        test_note("%s", err->message);
    }
}

static unsigned names_in(const char *folder) {
    char command[500];
    unsigned count = 0;
    snprintf(command, sizeof command, "ls -A '%s' | wc -l", folder);
    FILE *list = popen(command, "r");
    CHECK(list && fscanf(list, "%u", &count) == 1);
    pclose(list);
    return count;
}

static void check_full_disk(void) {
    const char *folder = aid_path("full");
    char path[450], ballast[450], copy[450];
    anp_index *index = NULL;
    anp_writer *writer = NULL;
    uint64_t problems = 1;
    anp_error err = ANP_ERROR_INIT;
    CASE("a full disk");
    if (!aid_mount(folder, "size=6m")) {
        SKIP("a small tmpfs cannot be mounted here");
    }
    snprintf(path, sizeof path, "%s/posts.db", folder);
    snprintf(copy, sizeof copy, "%s/copy.db", folder);
    snprintf(ballast, sizeof ballast, "%s/ballast", folder);
    CHECK_EQ_INT(anp_index_open(path, ANP_OPEN_CREATE, NULL, &index, &err), ANP_OK);
    CHECK_EQ_INT(anp_writer_open(index, &writer, &err), ANP_OK);
    CHECK_EQ_INT(add_batch(writer, 0, 200, &err), ANP_OK);
    fill_disk(ballast);
    uint32_t taken = 200;
    anp_status status = ANP_OK;
    for (; taken < 1000 && status == ANP_OK; taken += status == ANP_OK ? 50 : 0) {
        status = add_batch(writer, taken, 50, &err); /* free pages may do for the first ones */
    }
    full(status, &err);
    unsigned names = names_in(folder);
    CHECK_EQ_INT(count_all(index), taken);
    full(add_batch(writer, taken, 50, &err), &err);
    full(anp_index_compact(index, NULL, NULL, NULL, &err), &err);
    full(anp_index_compact(index, copy, NULL, NULL, &err), &err);
    full(anp_index_backup(index, copy, NULL, NULL, &err), &err);
    CHECK_EQ_INT(names_in(folder), names); /* nothing is left of what failed */
    CHECK_EQ_INT(count_all(index), taken);
    CHECK_EQ_INT(unlink(ballast), 0);
    if (!CHECK_EQ_INT(add_batch(writer, taken, 50, &err), ANP_OK)) {
        test_note("%s", err.message);
    }
    CHECK_EQ_INT(count_all(index), taken + 50);
    CHECK_EQ_INT(anp_index_backup(index, copy, NULL, NULL, &err), ANP_OK);
    anp_writer_close(writer);
    CHECK_EQ_INT(anp_index_compact(index, NULL, NULL, NULL, &err), ANP_OK);
    CHECK_EQ_INT(count_all(index), taken + 50);
    CHECK_EQ_INT(anp_index_verify(index, ANP_VERIFY_FULL, NULL, NULL, &problems, &err), ANP_OK);
    CHECK_EQ_INT(problems, 0);
    anp_index_close(index);
    CHECK_EQ_INT(umount(folder), 0);
}

void test_faults_medium(void) {
    check_foreign();
    check_full_disk();
}
