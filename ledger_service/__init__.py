"""The books and everything transactional."""
