"""Run PostgreSQL, the broker and the whole process family from installed wheels: no root, no container."""
