"""The data side of the recipe: questions made fit for rewards, mixed, freed of copies, and shortened reasoning."""
