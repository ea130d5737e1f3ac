

def write_report(counts, *, whole):
    for c in counts:
        for k in c.survivors:
            print(f"{c.module}:{k.line}\n  - {k.before}\n  + {k.after}")
    return 0
