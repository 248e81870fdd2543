"""Machine code is read as it is meant: predicates, targets, widths, kinds, and which instructions are a loop."""

import pytest

from nanonet_kernels.inspection.kinds import kind, mix, share, width
from nanonet_kernels.inspection.loops import hottest, loops
from nanonet_kernels.inspection.sass import parse


def sass(*lines: str):
    """Instructions at 0x00, 0x10, 0x20, … as nvdisasm prints them."""
    return parse("\n".join(f"        /*{16 * i:04x}*/        {line} ;" for i, line in enumerate(lines)))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("FFMA R1, R2, R3, R1", "FFMA"),
        ("FFMA2 R4, R8.F32x2.HI_LO, R10.F32x2.HI_LO, R4.F32x2.HI_LO", "FFMA"),  # Blackwell: two at once
        ("@!P0 FFMA.FTZ R1, R2, R3, R1", "FFMA"),
        ("HMMA.16816.F32 R4, R8, R2, R4", "HMMA"),
        ("HMMA.1688.F32.TF32 R4, R8, R2, R4", "HMMA"),
        ("FADD R1, R2, R3", "other FP"),
        ("MUFU.EX2 R1, R2", "other FP"),
        ("DFMA R2, R4, R6, R2", "other FP"),
        ("LDG.E R15, desc[UR12][R6.64]", "LDG.32"),
        ("LDG.E.128.CONSTANT R4, [R2.64+0x10]", "LDG.128"),
        ("@P0 LDG.E.64 R4, desc[UR4][R2.64]", "LDG.64"),
        ("LDG.E.U8 R4, [R2.64]", "LDG.8"),
        ("LDG.E.ENL2.256 R8, R4, desc[UR4][R2.64]", "LDG.256"),
        ("STG.E.128 desc[UR4][R2.64], R4", "STG.128"),
        ("LDS.128 R4, [R13+0x10]", "LDS.128"),
        ("LDS R4, [R13]", "LDS.32"),
        ("STS.64 [R13], R4", "STS.64"),
        ("LDSM.16.M88.4 R4, [R2]", "LDSM.128"),
        ("LDGSTS.E.BYPASS.128 [R3], [R4.64]", "LDGSTS.128"),
        ("LDL R1, [R1+0x4]", "LDL.32"),
        ("STL.128 [R1], R4", "STL.128"),
        ("IMAD.WIDE.U32 R2, R3, 0x4, R4", "integer"),
        ("UIADD3.64 UR4, UPT, UPT, UR4, 0xf, URZ", "integer"),
        ("ISETP.GE.AND P0, PT, R0, R1, PT", "integer"),
        ("IMAD.MOV.U32 R11, RZ, RZ, R8", "move"),
        ("HFMA2 R22, -RZ, RZ, 0, 0", "move"),
        ("HFMA2.MMA R9, -RZ, RZ, 0, 2.384185791015625e-07", "move"),
        ("HFMA2 R22, R4, R5, R6", "other FP"),
        ("S2R R0, SR_TID.X", "move"),
        ("LDC.64 R14, c[0x0][0x3a0]", "constant"),
        ("BAR.SYNC.DEFER_BLOCKING 0x0", "barrier"),
        ("BRA.U UP0, 0x40", "control"),
        ("SHFL.BFLY PT, R1, R2, 0x1, 0x1f", "shuffle"),
        ("REDG.E.ADD.F32.FTZ.RN.STRONG.GPU desc[UR4][R2.64], R5", "atomic"),
        ("NEWOP R1, R2", "unknown"),
    ],
)
def test_an_instruction_has_the_kind_that_its_mnemonic_says(line, expected):
    assert kind(sass(line)[0]) == expected


def test_widths_are_bits_of_one_thread():
    assert [width(i) for i in sass("LDG.E R1, [R2]", "LDS.U16 R1, [R2]", "LDSM.16.MT88.2 R1, [R2]")] == [32, 16, 64]


def test_a_mix_counts_kinds_and_leaves_padding_out():
    counts = mix(sass("FFMA R1, R2, R3, R1", "LDG.E.128 R4, [R2]", "LDG.E R4, [R2]", "FFMA R1, R2, R3, R1", "NOP"))
    assert counts == {"FFMA": 2, "LDG.128": 1, "LDG.32": 1}
    assert share(counts, "FFMA") == 0.5
    assert share(counts, "LDG") == 0.5
    assert share(counts, "LDG.128") == 0.25
    assert share({}, "FFMA") == 0.0


def test_a_predicated_backward_branch_is_a_loop():
    code = sass("MOV R1, RZ", "LDG.E R2, [R4]", "FFMA R1, R2, R3, R1", "@P0 BRA 0x10", "EXIT")
    (loop,) = loops(code)
    assert [i.address for i in loop.instructions] == [0x10, 0x20, 0x30]
    assert loop.inner


def test_a_branch_with_its_predicate_as_an_operand_goes_on_too():
    code = sass("MOV R1, RZ", "BRA.U !UP0, 0x40", "FFMA R1, R2, R3, R1", "BRA.U UP1, 0x20", "EXIT")
    (loop,) = loops(code)
    assert [i.opcode for i in loop.instructions] == ["FFMA", "BRA.U"]


def test_of_nested_loops_only_the_inner_one_is_inner():
    code = sass("MOV R1, RZ", "LDG.E R2, [R4]", "FFMA R1, R2, R3, R1", "@P0 BRA 0x20", "@P1 BRA 0x10", "EXIT")
    outer, inner = loops(code)
    assert (outer.inner, inner.inner) == (False, True)
    assert (len(outer), len(inner)) == (4, 2)


def test_a_jump_back_from_a_piece_at_the_end_is_no_loop():
    code = sass("@P0 BRA 0x40", "FADD R1, R1, R2", "STG.E [R4], R1", "EXIT", "MUFU.RCP R1, R1", "BRA 0x10")
    assert loops(code) == []


def test_a_rare_piece_at_the_end_of_the_code_belongs_to_the_loop_that_runs_through_it():
    code = sass(
        "MOV R1, RZ", "@P0 BRA 0x50", "FFMA R1, R2, R3, R1", "@P1 BRA 0x10", "EXIT", "MUFU.RCP R1, R1", "BRA 0x20"
    )
    (loop,) = loops(code)
    assert [i.address for i in loop.instructions] == [0x10, 0x20, 0x30, 0x50, 0x60]


def test_threads_that_meet_again_go_on_where_their_bssy_said():
    code = sass("BSSY B0, 0x50", "@P0 BRA 0x30", "BSYNC B0", "FFMA R1, R2, R3, R1", "BSYNC B0", "@P1 BRA 0x0", "EXIT")
    (loop,) = loops(code)
    assert len(loop) == 6


def test_the_hottest_loop_is_the_innermost_one_with_most_work():
    code = sass(
        "LDG.E R2, [R4]", "STS [R5], R2", "IADD3 R4, R4, 0x4, RZ", "IADD3 R5, R5, 0x4, RZ", "@P0 BRA 0x0",
        "LDS R2, [R5]", "FFMA R1, R2, R3, R1", "@P1 BRA 0x50", "EXIT",
    )  # fmt: skip
    found = hottest(code)
    assert found is not None
    assert [i.mnemonic for i in found.instructions] == ["LDS", "FFMA", "BRA"]


def test_unrolled_code_has_no_loop():
    assert hottest(sass("LDG.E R2, [R4]", "FFMA R1, R2, R3, R1", "FFMA R1, R2, R3, R1", "EXIT")) is None
    assert hottest([]) is None
