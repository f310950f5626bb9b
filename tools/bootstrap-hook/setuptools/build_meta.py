"""Answers pip's one question to a source package, "what are your name and version", and no other.

pip asks it through the package's build system, even for a mere download. Real setuptools would run
the package's setup.py, which may want a compiler or further packages; we only want the C sources.
The answer is copied from PKG-INFO; pip itself compares it with what was asked for.
"""

import os


def get_requires_for_build_wheel(config_settings=None):
    return []


def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    with open("PKG-INFO", encoding="utf-8") as file:
        lines = file.read().split("\n\n", 1)[0].splitlines()
    fields = dict(line.split(": ", 1) for line in lines if line.startswith(("Name: ", "Version: ")))
    folder = "%s-%s.dist-info" % (fields["Name"].replace("-", "_"), fields["Version"])
    os.mkdir(os.path.join(metadata_directory, folder))
    with open(os.path.join(metadata_directory, folder, "METADATA"), "w") as file:
        file.write("Metadata-Version: 2.1\nName: %(Name)s\nVersion: %(Version)s\n" % fields)
    return folder


class Legacy:
    """What pip asks for when a package names no build system: the attribute __legacy__ below."""

    get_requires_for_build_wheel = staticmethod(get_requires_for_build_wheel)
    prepare_metadata_for_build_wheel = staticmethod(prepare_metadata_for_build_wheel)


__legacy__ = Legacy
