//! The build: `tools/zig build VERB` (which fetches the pinned compiler and libraries first).
//!
//! No source file of the project is named here: folders are listed, so a new .c file needs no
//! edit, and its name says how it is built. `*_avx2.c`, `*_avx512.c` and `*_neon.c` are SIMD
//! kernels, compiled for their instruction set and chosen at run time; `tests/ROOM/test_NAME.c`
//! holds a test `test_ROOM_NAME` (tests/test.h), `tests/fuzz/fuzz_NAME.c` a target `fuzz_NAME`
//! (tests/fuzz/fuzz.h), and each `bench/bench_NAME.c` is a program. The libraries stand in
//! tools/deps.lock, the rooms of src/ in tools/rooms.txt. With -Dsmall all is built for tests of
//! borders: an index that such a build made is for such builds alone.
const std = @import("std");
const Build = std.Build;
const Compile = Build.Step.Compile;

/// As the public header says it.
const version: std.SemanticVersion = .{
    .major = headerNumber("ANP_VERSION_MAJOR"),
    .minor = headerNumber("ANP_VERSION_MINOR"),
    .patch = headerNumber("ANP_VERSION_PATCH"),
};

fn headerNumber(comptime name: []const u8) usize {
    @setEvalBranchQuota(1_000_000);
    const header = @embedFile("include/anpsearch.h");
    const start = std.mem.indexOf(u8, header, "#define " ++ name ++ " ").?;
    var words = std.mem.tokenizeAny(u8, header[start..], " \n");
    _ = words.next(); // #define
    _ = words.next(); // its name
    return std.fmt.parseInt(usize, words.next().?, 10) catch @compileError(name ++ " is no number");
}

pub fn build(b: *Build) void {
    // Every verb.
    const install = b.getInstallStep(); // the default: all of it into zig-out/
    const run = b.step("run", "Run the command: zig build run -- ARGS");
    const check = b.step("check", "Compile all, warnings are errors; tidy; exported symbols");
    const tests = b.step("test", "Run the tests: zig build test -- [WORD...]");
    const fuzz = b.step("fuzz", "Run fuzz targets: zig build fuzz -- [NAME|all [ROUNDS [SEED]]]");
    const bench = b.step("bench", "Build the benches into zig-out/bin; run the queries' one: " ++
        "zig build bench -- [OPTIONS] [POSTS...]");
    const docs = b.step("docs", "Write the man page into zig-out/share/man");

    const p: Project = .init(b);
    const library = p.library();
    const shared = p.shared();
    const command = p.program("anpsearch", p.sources("src/cli", &.{}), library);
    const synth = p.program("anp-synth", p.sources("tools/synth", &.{}), library);
    const test_program = p.harness("anp-tests", .tests, library);
    const fuzz_program = p.harness("anp-fuzz", .fuzz, library);
    const benches = p.benches(library);

    b.installArtifact(shared);
    install.dependOn(&b.addInstallLibFile(p.archive(library), "libanpsearch.a").step);
    install.dependOn(&b.addInstallLibFile(p.pkgConfig(), "pkgconfig/anpsearch.pc").step);
    install.dependOn(&b.addInstallHeaderFile(b.path("include/anpsearch.h"), "anpsearch.h").step);
    if (synth) |s| b.installArtifact(s);
    if (command) |c| {
        b.installArtifact(c);
        run.dependOn(p.runWithArguments(c));
        const manual = p.runHere(c, &.{"--man"}).captureStdOut(.{ .basename = "anpsearch.1" });
        docs.dependOn(&b.addInstallFile(manual, "share/man/man1/anpsearch.1").step);
        if (p.runs_here) install.dependOn(docs);
    }
    if (test_program) |t| tests.dependOn(p.runWithArguments(t));
    if (fuzz_program) |f| fuzz.dependOn(p.runWithArguments(f));
    for (benches) |program| {
        bench.dependOn(&b.addInstallArtifact(program, .{}).step);
        if (p.runs_here and std.mem.eql(u8, program.name, "bench_query")) {
            bench.dependOn(p.runWithArguments(program));
        }
    }

    for ([_]?*Compile{ shared, command, synth, test_program, fuzz_program }) |artifact| {
        if (artifact) |a| check.dependOn(&a.step);
    }
    for (benches) |program| check.dependOn(&program.step);
    const tidy = p.tool("tidy", "tools/tidy.c");
    check.dependOn(&p.runHere(tidy, &.{"."}).step);
    check.dependOn(&p.runHere(tidy, &.{"--self-test"}).step);
    const symbols = p.runHere(p.tool("symbols", "tools/symbols.c"), &.{});
    symbols.addFileArg(b.path("include/anpsearch.h"));
    symbols.addFileArg(shared.getEmittedBin());
    if (p.target.result.ofmt == .elf) check.dependOn(&symbols.step);
}

/// Our own code. KEEP IN STEP: tools/sanitize.
const strict = [_][]const u8{
    "-std=c17",             "-D_GNU_SOURCE",       "-Wall",
    "-Wextra",              "-Wconversion",        "-Wshadow",
    "-Wstrict-prototypes",  "-Wvla",               "-Werror",
    "-fvisibility=hidden",  "-ffunction-sections", "-fdata-sections",
    "-Wmissing-prototypes",
    "-ffp-contract=off", // the same bits on every processor
    "-fno-math-errno", // lrintf is one instruction
};
const strict_tests = strict ++ .{
    "-Wno-missing-prototypes", // the build declares them in its list of tests
    "-Wno-string-conversion", // CHECK(!"why")
};

/// Library code is compiled as it is: no warnings, no sanitizer (LMDB reads misaligned on
/// purpose), and optimised in debug builds too, so that tests are quick.
const quiet = [_][]const u8{
    "-std=gnu11",          "-D_GNU_SOURCE",       "-w",              "-fno-sanitize=undefined",
    "-fvisibility=hidden", "-ffunction-sections", "-fdata-sections",
};

/// SIMD kernels by the end of a file's name; for another family of processors the file is left
/// out. (-mavx2 would not do: Zig turns each feature on or off by itself.)
const Kernel = struct {
    suffix: []const u8,
    family: std.Target.Cpu.Arch,
    flags: []const []const u8,
};
const kernels = [_]Kernel{
    .{ .suffix = "_avx2.c", .family = .x86_64, .flags = &features(&avx2) },
    .{ .suffix = "_avx512.c", .family = .x86_64, .flags = &features(&(avx2 ++ avx512)) },
    .{ .suffix = "_neon.c", .family = .aarch64, .flags = &.{} },
};
const avx2 = [_][]const u8{ "popcnt", "lzcnt", "bmi", "bmi2", "fma", "avx2" };
const avx512 = [_][]const u8{
    "avx512f",    "avx512cd",    "avx512bw",     "avx512dq",        "avx512vl",
    "avx512vbmi", "avx512vbmi2", "avx512bitalg", "avx512vpopcntdq",
};

fn features(comptime names: []const []const u8) [names.len * 4][]const u8 {
    var flags: [names.len * 4][]const u8 = undefined;
    for (names, 0..) |name, i| {
        flags[i * 4 ..][0..4].* = .{ "-Xclang", "-target-feature", "-Xclang", "+" ++ name };
    }
    return flags;
}

const Harness = enum { tests, fuzz };

const Project = struct {
    b: *Build,
    target: Build.ResolvedTarget,
    optimize: std.builtin.Optimize,
    tsan: bool,
    runs_here: bool, // what is built can be run on this machine
    include_folders: []const []const u8, // of the libraries
    warn: []const []const u8, // the strict flags, with the libraries' headers let off
    warn_tests: []const []const u8,
    third_party: *Compile,
    headers: Build.LazyPath, // a source file: see headersFile

    fn init(b: *Build) Project {
        // Not this machine's processor and C library: the result runs on all of the family.
        const linux = b.graph.host.result.os.tag == .linux;
        const target = b.standardTargetOptions(.{ .default_target = if (linux) .{
            .cpu_model = .baseline,
            .os_tag = .linux,
            .abi = .gnu,
            .glibc_version = .{ .major = 2, .minor = 31, .patch = 0 },
        } else .{ .cpu_model = .baseline } });
        const host = b.graph.host.result;
        var p: Project = .{
            .b = b,
            .target = target,
            .optimize = b.standardOptimizeOption(.{}),
            .tsan = b.option(bool, "tsan", "Look for data races (ThreadSanitizer)") orelse false,
            .runs_here = target.result.cpu.arch == host.cpu.arch and
                target.result.os.tag == host.os.tag,
            .include_folders = undefined,
            .warn = undefined,
            .warn_tests = undefined,
            .third_party = undefined,
            .headers = undefined,
        };
        // Tests run their loops many times: -Og takes a third of what -O0 does.
        const swift: []const []const u8 = if (p.optimize == .debug) &.{"-Og"} else &.{};
        const is_small = b.option(bool, "small", "Windows of 64 posts: tools/small.txt");
        const sizes = if (is_small orelse false) p.smallSizes() else &.{};
        const more = p.join(p.join(p.foreignHeaderFlags(), sizes), swift);
        p.warn = p.join(&strict, more);
        p.warn_tests = p.join(&strict_tests, more);
        p.third_party = p.thirdParty();
        p.headers = p.headersFile();
        return p;
    }

    /// A source file without code, another one whenever some header is. Of the headers the
    /// compiler remembers as a program's only those that the files it compiled last include (the
    /// rest came out of its cache): without this, what was built of the others' old text would
    /// stand.
    fn headersFile(p: Project) Build.LazyPath {
        const copies = p.b.addWriteFiles();
        for ([_][]const u8{ "include", "src", "tests", "bench", "tools/synth" }) |root| {
            for (p.filesBelow(root, &.{}, ".h")) |header| {
                _ = copies.addCopyFile(p.b.path(header), header);
            }
        }
        return copies.add("headers.c", "typedef int headers;\n");
    }

    fn join(p: Project, x: []const []const u8, y: []const []const u8) []const []const u8 {
        return std.mem.concat(p.b.allocator, []const u8, &.{ x, y }) catch @panic("OOM");
    }

    /// Headers behind the doors of tools/rooms.txt may warn: clang takes an #include that begins
    /// like this for a system header.
    fn foreignHeaderFlags(p: Project) []const []const u8 {
        var flags: std.ArrayList([]const u8) = .empty;
        var lines = std.mem.tokenizeScalar(u8, @embedFile("tools/rooms.txt"), '\n');
        while (lines.next()) |line| {
            const door = std.mem.indexOf(u8, line, " door ") orelse continue;
            if (line[0] == '#') continue;
            var headers = std.mem.tokenizeScalar(u8, line[door + " door ".len ..], ' ');
            while (headers.next()) |header| {
                append(p.b, &flags, p.b.fmt("--system-header-prefix={s}", .{header}));
            }
        }
        return flags.items;
    }

    fn smallSizes(p: Project) []const []const u8 {
        var flags: std.ArrayList([]const u8) = .empty;
        var lines = std.mem.tokenizeScalar(u8, @embedFile("tools/small.txt"), '\n');
        while (lines.next()) |line| {
            if (line[0] != '#') append(p.b, &flags, line);
        }
        return flags.items;
    }

    /// The libraries of tools/deps.lock, as one archive; the folders of their headers.
    fn thirdParty(p: *Project) *Compile {
        const b = p.b;
        const m = p.module(.fast);
        m.sanitize_c = .off;
        m.sanitize_thread = false; // LMDB's readers go without locks on purpose
        var includes: std.ArrayList([]const u8) = .empty;
        var folder: []const u8 = "";
        var lines = std.mem.tokenizeScalar(u8, @embedFile("tools/deps.lock"), '\n');
        while (lines.next()) |line| {
            var words = std.mem.tokenizeScalar(u8, line, ' ');
            const word = words.next() orelse continue;
            if (line[0] == '#') continue;
            if (line[0] != ' ') {
                folder = b.pathJoin(&.{ "deps", word });
            } else if (std.mem.eql(u8, word, "include")) {
                append(b, &includes, b.pathResolve(&.{ folder, words.next().? }));
            } else if (std.mem.eql(u8, word, "compile")) {
                while (words.next()) |file| m.addCSourceFile(.{
                    .file = b.path(b.pathJoin(&.{ folder, file })),
                    .flags = &quiet,
                });
            }
        }
        p.include_folders = includes.items;
        for (includes.items) |include| m.addIncludePath(b.path(include));
        return b.addLibrary(.{ .name = "anpdeps", .linkage = .static, .root_module = m });
    }

    fn module(p: *const Project, optimize: std.builtin.Optimize) *Build.Module {
        return p.b.createModule(.{
            .target = p.target,
            .optimize = optimize,
            .link_libc = true,
            .pic = true, // one set of objects serves the archive and the shared library
            .sanitize_thread = p.tsan,
        });
    }

    /// A module of our own code.
    fn ours(p: Project, files: []const []const u8, warn: []const []const u8) *Build.Module {
        const b = p.b;
        const m = p.module(p.optimize);
        m.addIncludePath(b.path("include"));
        m.addIncludePath(b.path("src"));
        for (p.include_folders) |folder| m.addIncludePath(b.path(folder));
        var plain: std.ArrayList([]const u8) = .empty;
        for (files) |file| {
            const kernel = for (kernels) |k| {
                if (std.mem.endsWith(u8, file, k.suffix)) break k;
            } else {
                append(b, &plain, file);
                continue;
            };
            if (kernel.family != p.target.result.cpu.arch) continue;
            m.addCSourceFile(.{ .file = b.path(file), .flags = p.join(warn, kernel.flags) });
        }
        m.addCSourceFiles(.{ .files = plain.items, .flags = warn });
        m.addCSourceFile(.{ .file = p.headers, .flags = &.{} });
        return m;
    }

    fn sources(p: Project, root: []const u8, except: []const []const u8) []const []const u8 {
        return p.filesBelow(root, except, ".c");
    }

    /// The files below `root` whose names end so, sorted, without those in its folders named
    /// `except`.
    fn filesBelow(
        p: Project,
        root: []const u8,
        except: []const []const u8,
        end: []const u8,
    ) []const []const u8 {
        var list: std.ArrayList([]const u8) = .empty;
        p.collect(root, except, end, &list);
        std.mem.sort([]const u8, list.items, {}, struct {
            fn before(_: void, x: []const u8, y: []const u8) bool {
                return std.mem.lessThan(u8, x, y);
            }
        }.before);
        return list.items;
    }

    fn collect(
        p: Project,
        folder: []const u8,
        except: []const []const u8,
        end: []const u8,
        list: *std.ArrayList([]const u8),
    ) void {
        const b = p.b;
        const io = b.graph.io;
        var dir = b.root.openDir(io, folder, .{ .iterate = true }) catch {
            b.dependOnDirectoryContents(b.path(std.fs.path.dirname(folder).?)); // it may come
            return;
        };
        defer dir.close(io);
        b.dependOnDirectoryContents(b.path(folder)); // a new file configures the build anew
        var entries = dir.iterate();
        while (entries.next(io) catch @panic("cannot list a folder")) |entry| {
            const path = b.pathJoin(&.{ folder, entry.name });
            if (entry.kind == .directory) {
                for (except) |name| {
                    if (std.mem.eql(u8, name, entry.name)) break;
                } else p.collect(path, &.{}, end, list);
            } else if (std.mem.endsWith(u8, entry.name, end)) {
                append(b, list, path);
            }
        }
    }

    fn librarySources(p: Project) []const []const u8 {
        return p.sources("src", &.{ "cli", "server" });
    }

    /// All rooms but the programs, as an archive of its own that tests and benches look into.
    fn library(p: Project) *Compile {
        const m = p.ours(p.librarySources(), p.warn);
        return p.b.addLibrary(.{ .name = "anp", .linkage = .static, .root_module = m });
    }

    /// libanpsearch.so.0: the same objects, showing the public functions only.
    fn shared(p: Project) *Compile {
        const m = p.ours(p.librarySources(), p.warn);
        m.linkLibrary(p.third_party);
        const lib = p.b.addLibrary(.{
            .name = "anpsearch",
            .linkage = .dynamic,
            .root_module = m,
            .version = version,
        });
        const exports = "{ global: anp_*; local: *; };\n";
        lib.setVersionScript(p.b.addWriteFiles().add("exports.map", exports));
        lib.link_gc_sections = true;
        return lib;
    }

    /// libanpsearch.a: our objects and the libraries' in one archive, so that users link one
    /// file. Its inner names are visible to the linker (Zig has no objcopy that could hide them):
    /// a program that brings its own LMDB or zstd links the shared library instead.
    fn archive(p: Project, lib: *Compile) Build.LazyPath {
        const ar = p.b.addSystemCommand(&.{ p.b.graph.zig_exe, "ar", "qcLsD" });
        const out = ar.addOutputFileArg("libanpsearch.a");
        ar.addFileArg(lib.getEmittedBin());
        ar.addFileArg(p.third_party.getEmittedBin());
        return out;
    }

    /// A program of ours, or null while it has no source.
    fn program(p: Project, name: []const u8, files: []const []const u8, lib: *Compile) ?*Compile {
        if (files.len == 0) return null;
        return p.link(name, p.ours(files, p.warn), lib);
    }

    fn link(p: Project, name: []const u8, m: *Build.Module, lib: *Compile) *Compile {
        m.linkLibrary(lib);
        m.linkLibrary(p.third_party);
        const exe = p.b.addExecutable(.{ .name = name, .root_module = m });
        exe.link_gc_sections = true;
        return exe;
    }

    /// All tests, or all fuzz targets, in one program with a generated list of them.
    fn harness(p: Project, name: []const u8, kind: Harness, lib: *Compile) ?*Compile {
        const b = p.b;
        const files = switch (kind) {
            .tests => p.sources("tests", &.{ "fuzz", "cli" }),
            .fuzz => p.sources("tests/fuzz", &.{}),
        };
        if (files.len == 0) return null;
        const m = p.ours(files, p.warn_tests);
        m.addIncludePath(b.path("tests"));
        // An archive of their own: they are compiled while the library is, on another processor.
        const archived = b.addLibrary(.{
            .name = b.fmt("{s}-files", .{name}),
            .linkage = .static,
            .root_module = m,
        });
        const list = b.addWriteFiles().add("list.c", p.harnessList(kind, files));
        const listed = p.ours(&.{}, p.warn_tests);
        listed.addIncludePath(b.path("tests"));
        listed.addCSourceFile(.{ .file = list, .flags = p.warn_tests });
        listed.linkLibrary(archived);
        return p.link(name, listed, lib);
    }

    fn harnessList(p: Project, kind: Harness, files: []const []const u8) []const u8 {
        const b = p.b;
        var declarations: []const u8 = "";
        var entries: []const u8 = "";
        const prefix = if (kind == .fuzz) "fuzz_" else "test_";
        const header = if (kind == .fuzz) "fuzz/fuzz.h" else "test.h";
        const arguments = if (kind == .fuzz) "const uint8_t *bytes, size_t size" else "void";
        for (files) |file| {
            const stem = std.fs.path.stem(file);
            if (!std.mem.startsWith(u8, stem, prefix)) continue;
            const short = stem[prefix.len..];
            const room = std.fs.path.basename(std.fs.path.dirname(file).?);
            const inner = if (kind == .fuzz) "" else b.fmt("{s}_", .{room});
            const label = if (kind == .fuzz) short else b.fmt("{s}/{s}", .{ room, short });
            const function = b.fmt("{s}{s}{s}", .{ prefix, inner, short });
            declarations = b.fmt("{s}void {s}({s});\n", .{ declarations, function, arguments });
            entries = b.fmt("{s}    {{\"{s}\", {s}}},\n", .{ entries, label, function });
        }
        return b.fmt(
            \\#include "{s}"
            \\{s}const struct {s}entry {s}list[] = {{
            \\{s}    {{0}},
            \\}};
            \\
        , .{ header, declarations, prefix, prefix, entries });
    }

    fn benches(p: Project, lib: *Compile) []const *Compile {
        var list: std.ArrayList(*Compile) = .empty;
        for (p.sources("bench", &.{})) |file| {
            const stem = std.fs.path.stem(file);
            if (!std.mem.startsWith(u8, stem, "bench_")) continue;
            const exe = p.program(stem, &.{file}, lib).?;
            list.append(p.b.allocator, exe) catch @panic("OOM");
        }
        return list.items;
    }

    /// A program of the build itself: one file, for this machine.
    fn tool(p: Project, name: []const u8, file: []const u8) *Compile {
        const m = p.b.createModule(.{
            .target = if (p.runs_here) p.target else p.b.graph.host,
            .optimize = .safe,
            .link_libc = true,
        });
        m.addCSourceFile(.{ .file = p.b.path(file), .flags = &strict });
        return p.b.addExecutable(.{ .name = name, .root_module = m });
    }

    /// Runs a program from the project's root, every time.
    fn runHere(p: Project, exe: *Compile, arguments: []const []const u8) *Build.Step.Run {
        const command = p.b.addRunArtifact(exe);
        command.setCwd(p.b.path("."));
        command.addArgs(arguments);
        command.has_side_effects = true;
        return command;
    }

    /// The same, with what stands behind `--` on the command line.
    fn runWithArguments(p: Project, exe: *Compile) *Build.Step {
        const command = p.runHere(exe, &.{});
        command.addPassthruArgs();
        return &command.step;
    }

    fn pkgConfig(p: Project) Build.LazyPath {
        return p.b.addWriteFiles().add("anpsearch.pc", p.b.fmt(
            \\prefix=${{pcfiledir}}/../..
            \\Name: anpsearch
            \\Description: full-text search and similar posts for technical articles
            \\Version: {f}
            \\Cflags: -I${{prefix}}/include
            \\Libs: -L${{prefix}}/lib -lanpsearch
            \\Libs.private: -lpthread -lm
            \\
        , .{version}));
    }
};

fn append(b: *Build, list: *std.ArrayList([]const u8), item: []const u8) void {
    list.append(b.allocator, item) catch @panic("OOM");
}
