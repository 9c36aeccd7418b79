"""Which variables a command takes from the environment, as /bin/sh reads it."""

from __future__ import annotations

import pytest

from bakehouse.core.plan.environment import from_environment


@pytest.mark.parametrize(
    ("command", "names"),
    [
        ("echo $B ${A} ${C:-x} ${#D} ${E%%.*}", "A B C D E"),
        ('echo "it\'s $A" "`echo $B`" "$(cat "$C")"', "A B C"),
        ("case $A in a) echo $B;; esac; echo $C $((1 << $D))", "A B C D"),
        ("cat <<E\n'$A' \\$NO\nE\necho $B", "A B"),
        ('awk \'{print $NF}\' <"$in" | sed "s/$A/b/"', "A in"),
        ("echo x#$A; export B; echo $B; cp . $C", "A B C"),
        # not from outside
        ("echo '$NO' \\$NO \"\\$NO\" $1 $@ $? $$ $' # $NO\necho done # $NO \"", ""),
        ("cat <<'E' >x\n$NO\nE\ncat <<-\\X\n\t$NO\n\tX\necho done", ""),
        ("A=1 B=$A; echo $A $B; C+=x; echo ${C} ${D:=4} $PATH $LC_ALL $OUTPUT_x $PARTITION_START", "D"),
        (
            "for f in *; do echo $f; done; while read -r a b; do echo $a$b; done; getopts ab: o; echo $o $OPTARG",
            "",
        ),
        ("f() { local x y=2; x=$1; echo $x $y; }; f", ""),
        (". ./given.sh; echo $ANYTHING", ""),
        ('if true; then eval "$CODE"; fi; echo $ANYTHING', ""),
        # what is broken is read to its end
        ("echo \"$A '", "A"),
        ("echo '$A", ""),
        ("cat <<E\n$A", "A"),
        ("$", ""),
        ("\\", ""),
        ("${", ""),
        ("$(", ""),
    ],
)
def test_only_what_nothing_in_the_command_sets_comes_from_the_environment(command: str, names: str) -> None:
    assert from_environment(command) == tuple(names.split())
