import subprocess


def shrink(path):
    subprocess.check_call(["convert", path, "-resize", "400x400", path])
