#!/bin/bash
# Builds the driver of Lucene and prints the path of the program: jars by Maven (pom.xml, hashes in
# jars.sha256), compiled by the newest JDK, which must be 21 or newer. All lands in the git-ignored
# build/. The vector module is on where the JDK has it.
set -euo pipefail
cd "$(dirname "$0")"
target=$(cd ../../.. && pwd)/build/peers/lucene
jdk= newest=20
for home in "${JAVA_HOME:-}" /usr/lib/jvm/*; do
    [ -x "$home/bin/javac" ] || continue
    version=$("$home/bin/javac" -version 2>&1 | sed 's/[^0-9]*\([0-9]*\).*/\1/')
    if [ "$version" -gt $newest ]; then jdk=$home newest=$version; fi
done
[ -n "$jdk" ] || { echo "lucene: needs a JDK of version 21 or newer" >&2; exit 1; }

mkdir -p "$target"/{jars,classes}
if ! (cd "$target/jars" && sha256sum --quiet --check) <jars.sha256 2>/dev/null >&2; then
    mvn --quiet --batch-mode dependency:copy-dependencies -DoutputDirectory="$target/jars" >&2
    (cd "$target/jars" && sha256sum --quiet --check) <jars.sha256 >&2
fi
jars=$(awk -v folder="$target/jars" '{ printf "%s%s/%s", sep, folder, $2; sep = ":" }' jars.sha256)
"$jdk/bin/javac" -d "$target/classes" -cp "$jars" src/Peer.java >&2
flags="-Xmx3g -XX:+UseParallelGC --enable-native-access=ALL-UNNAMED"
"$jdk/bin/java" --list-modules | grep -q '^jdk.incubator.vector@' &&
    flags="$flags --add-modules jdk.incubator.vector"
cat >"$target/lucene-peer" <<END
#!/bin/bash
exec "$jdk/bin/java" $flags -cp "$target/classes:$jars" Peer "\$@"
END
chmod +x "$target/lucene-peer"
echo "$target/lucene-peer"
